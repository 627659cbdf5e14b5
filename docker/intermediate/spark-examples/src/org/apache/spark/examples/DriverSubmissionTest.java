package org.apache.spark.examples;

import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/**
 * Shows what the driver of an application sees: the environment variables and system properties of Spark. Then it stays
 * alive and prints a line each second. Argument: the seconds to stay alive.
 */
public final class DriverSubmissionTest {
    private DriverSubmissionTest() {}

    public static void main(String[] args) throws InterruptedException {
        Arguments arguments = new Arguments("DriverSubmissionTest <seconds-to-sleep>", args);
        arguments.text(0, "seconds-to-sleep");
        int seconds = arguments.number(0, 0);
        Properties properties = System.getProperties();
        Map<String, String> settings = new TreeMap<>();
        properties.stringPropertyNames().forEach(name -> settings.put(name, properties.getProperty(name)));
        print("Environment variables containing SPARK_TEST:", new TreeMap<>(System.getenv()), "SPARK_TEST");
        print("System properties containing spark.test:", settings, "spark.test");
        for (int second = 1; second <= seconds; second++) {
            System.out.println("Alive for " + second + " out of " + seconds + " seconds");
            Thread.sleep(1000);
        }
    }

    private static void print(String title, Map<String, String> all, String part) {
        System.out.println(title);
        all.forEach((name, value) -> {
            if (name.contains(part)) {
                System.out.println("(" + name + "," + value + ")");
            }
        });
    }
}
