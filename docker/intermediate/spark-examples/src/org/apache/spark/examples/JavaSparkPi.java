package org.apache.spark.examples;

/** Estimates pi. Argument: the number of partitions (default: 2). */
public final class JavaSparkPi {
    private JavaSparkPi() {}

    public static void main(String[] args) {
        Pi.run("JavaSparkPi", args);
    }
}
