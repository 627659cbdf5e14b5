package io.github.sparkimages;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;

/**
 * Looks for the memory and the CPU that Comet needs. Without them, it ends the process with one clear line. Comet itself
 * would leave each query to Spark, or end the JVM with an illegal instruction. This plugin comes before Comet in
 * spark.plugins.
 */
public final class CometCheck implements SparkPlugin {
    /** Lets whoever starts the process tell this end from a failure of the job. */
    static final int EXIT_CODE = 78;

    /** The flags of /proc/cpuinfo for the instructions that libcomet.so was compiled with: those of Intel's Haswell. */
    private static final List<String> INSTRUCTIONS = List.of("abm", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe");

    @Override
    public DriverPlugin driverPlugin() {
        return new DriverPlugin() {
            @Override
            public Map<String, String> init(SparkContext context, PluginContext plugin) {
                Stream.of(memory(plugin.conf()), cpu()).flatMap(Optional::stream).findFirst().ifPresent(CometCheck::end);
                return Map.of();
            }
        };
    }

    @Override
    public ExecutorPlugin executorPlugin() {
        return new ExecutorPlugin() {
            @Override
            public void init(PluginContext context, Map<String, String> extraConf) {
                cpu().ifPresent(CometCheck::end);
            }
        };
    }

    private static Optional<String> memory(SparkConf conf) {
        // If it is enabled, Spark itself refuses the size 0.
        return conf.getBoolean("spark.memory.offHeap.enabled", false) ? Optional.empty() : Optional.of("Spark has no off-heap memory, and Comet's operators need it: set"
            + " spark.memory.offHeap.enabled=true and spark.memory.offHeap.size (2g in comet.conf)");
    }

    private static Optional<String> cpu() {
        Set<String> missing = new HashSet<>(INSTRUCTIONS);
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            Optional<String> flags = lines.filter(line -> line.startsWith("flags")).findFirst();
            if (flags.isEmpty()) {
                // Not an x86 CPU.
                return Optional.empty();
            }
            missing.removeAll(Arrays.asList(flags.get().split("\\s+")));
        } catch (IOException error) {
            return Optional.empty();
        }
        return missing.isEmpty() ? Optional.empty() : Optional.of("this CPU lacks instructions of Comet's native library ("
            + String.join(", ", missing.stream().sorted().toList()) + "): use a machine with AVX2, such as Intel Haswell, AMD Zen or newer");
    }

    private static void end(String reason) {
        System.err.println("Comet is turned on, but " + reason + "; or leave out comet.conf.");
        System.err.flush();
        // Not exit, because shutdown hooks would wait for a SparkContext that is still being created.
        Runtime.getRuntime().halt(EXIT_CODE);
    }
}
