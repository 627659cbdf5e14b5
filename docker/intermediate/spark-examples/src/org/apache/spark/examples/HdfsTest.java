package org.apache.spark.examples;

import java.io.IOException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.SparkSession;

/** Reads a text file of any file system ten times from the cache. Argument: its path or URL. */
public final class HdfsTest {
    private static final int ITERATIONS = 10;

    private HdfsTest() {}

    public static void main(String[] args) throws IOException {
        String file = new Arguments("HdfsTest <file>", args).text(0, "file");
        try (SparkSession spark = SparkSession.builder().appName("HdfsTest").getOrCreate()) {
            Dataset<String> lines = spark.read().textFile(file).cache();
            long characters = 0;
            for (int iteration = 1; iteration <= ITERATIONS; iteration++) {
                long start = System.nanoTime();
                characters = lines.toJavaRDD().map(line -> (long) line.length()).fold(0L, Long::sum);
                System.out.println("Iteration " + iteration + " took " + (System.nanoTime() - start) / 1_000_000 + " ms");
            }
            System.out.println("File contents: " + lines.count() + " lines, " + characters + " characters");
        }
    }
}
