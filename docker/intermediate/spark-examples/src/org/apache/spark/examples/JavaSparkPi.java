package org.apache.spark.examples;

import java.io.IOException;

/** Estimates pi. Argument: the number of partitions (default: 2). */
public final class JavaSparkPi {
    private JavaSparkPi() {}

    public static void main(String[] args) throws IOException {
        Pi.run("JavaSparkPi", args);
    }
}
