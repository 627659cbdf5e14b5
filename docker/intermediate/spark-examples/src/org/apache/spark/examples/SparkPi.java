package org.apache.spark.examples;

import java.io.IOException;

/** Estimates pi. Argument: the number of partitions (default: 2). */
public final class SparkPi {
    private SparkPi() {}

    public static void main(String[] args) throws IOException {
        Pi.run("SparkPi", args);
    }
}
