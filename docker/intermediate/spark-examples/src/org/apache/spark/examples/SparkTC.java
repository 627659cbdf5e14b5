package org.apache.spark.examples;

import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import scala.Tuple2;

/** Finds all pairs of vertices that a path connects in a random graph. Argument: the number of partitions (default: 2). */
public final class SparkTC {
    private static final int VERTICES = 100;
    private static final int EDGES = 200;

    private SparkTC() {}

    public static void main(String[] args) throws IOException {
        int partitions = new Arguments("SparkTC [partitions]", args).number(0, 2);
        try (SparkSession spark = SparkSession.builder().appName("SparkTC").getOrCreate()) {
            JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
            JavaPairRDD<Integer, Integer> paths = context.parallelizePairs(graph(), partitions).cache();
            JavaPairRDD<Integer, Integer> edgesByEnd = paths.mapToPair(Tuple2::swap).cache();
            long before;
            long now = paths.count();
            // Each round adds the paths that are one edge longer, until none is new.
            do {
                before = now;
                JavaPairRDD<Integer, Integer> longer =
                        paths.join(edgesByEnd).mapToPair(joined -> new Tuple2<>(joined._2()._2(), joined._2()._1()));
                paths = paths.union(longer).distinct(partitions).cache();
                now = paths.count();
            } while (now != before);
            System.out.println("TC has " + now + " edges.");
        }
    }

    /** Returns distinct random edges without loops. The seed is fixed: each run gives the same graph. */
    private static List<Tuple2<Integer, Integer>> graph() {
        Random random = new Random(42);
        Set<Tuple2<Integer, Integer>> edges = new HashSet<>();
        while (edges.size() < EDGES) {
            int from = random.nextInt(VERTICES);
            int to = random.nextInt(VERTICES);
            if (from != to) {
                edges.add(new Tuple2<>(from, to));
            }
        }
        return List.copyOf(edges);
    }
}
