package org.apache.spark.examples;

import java.io.IOException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

/** Estimates pi from random points of a square: the share of them that lies in the inscribed circle. */
final class Pi {
    private static final int POINTS_PER_PARTITION = 100_000;

    private Pi() {}

    /** Runs the application {@code name} with as many tasks as its argument says (default: 2) and prints the estimate. */
    static void run(String name, String[] args) throws IOException {
        int partitions = new Arguments(name + " [partitions]", args).number(0, 2);
        try (SparkSession spark = SparkSession.builder().appName(name).getOrCreate()) {
            JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
            long inside = context
                    .parallelize(IntStream.range(0, partitions).boxed().toList(), partitions)
                    .map(partition -> hits(POINTS_PER_PARTITION))
                    .reduce(Long::sum);
            System.out.println("Pi is roughly " + 4.0 * inside / POINTS_PER_PARTITION / partitions);
        }
    }

    private static long hits(int points) {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        long hits = 0;
        for (int point = 0; point < points; point++) {
            if (Math.hypot(random.nextDouble(-1, 1), random.nextDouble(-1, 1)) <= 1) {
                hits++;
            }
        }
        return hits;
    }
}
