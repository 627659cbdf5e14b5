package io.github.sparkimages;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;

/**
 * Looks for a CUDA device before RAPIDS uses one. Without a device, it ends the process with one clear line. RAPIDS
 * itself would end the JVM from native code. This plugin comes before RAPIDS in spark.plugins.
 */
public final class GpuCheck implements SparkPlugin {
    /** Lets whoever starts the process tell this end from a failure of the job. */
    static final int EXIT_CODE = 78;

    @Override
    public DriverPlugin driverPlugin() {
        return null;
    }

    @Override
    public ExecutorPlugin executorPlugin() {
        return new ExecutorPlugin() {
            @Override
            public void init(PluginContext context, Map<String, String> extraConf) {
                boolean planOnly = context.conf().get("spark.rapids.sql.mode", "executeOnGPU").equalsIgnoreCase("explainOnly");
                if (!planOnly) {
                    missing().ifPresent(GpuCheck::end);
                }
            }
        };
    }

    private static Optional<String> missing() {
        boolean device = Stream.of("/dev/nvidiactl", "/dev/dxg").map(Path::of).anyMatch(Files::exists);
        if (!device) {
            return Optional.of("this container has no CUDA device (/dev/nvidiactl)");
        }
        String path = System.getProperty("java.library.path", "") + ":/usr/lib/x86_64-linux-gnu:/usr/lib64";
        boolean driver = Stream.of(path.split(":")).map(Path::of).anyMatch(folder -> Files.exists(folder.resolve("libcuda.so.1")));
        return driver ? Optional.empty() : Optional.of("this container has a CUDA device but no driver library (libcuda.so.1)");
    }

    private static void end(String reason) {
        System.err.println("RAPIDS is turned on, but " + reason + ": run it under NVIDIA's container runtime on a node"
            + " with a GPU (Docker: --gpus all; Kubernetes: spark.executor.resource.gpu.amount=1), or leave out rapids.conf.");
        System.err.flush();
        // Not exit, because shutdown hooks would wait for a SparkContext that is still being created.
        Runtime.getRuntime().halt(EXIT_CODE);
    }
}
