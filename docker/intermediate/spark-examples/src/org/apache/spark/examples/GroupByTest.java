package org.apache.spark.examples;

import java.io.IOException;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import scala.Tuple2;

/**
 * Shuffles random pairs and prints the number of distinct keys. Arguments, all optional: mappers (2), pairs of each
 * mapper (1000), bytes of a value (1000), reducers (as many as mappers).
 */
public final class GroupByTest {
    private static final String USAGE = "GroupByTest [mappers] [pairs] [value-bytes] [reducers]";

    private GroupByTest() {}

    public static void main(String[] args) throws IOException {
        Arguments arguments = new Arguments(USAGE, args);
        int mappers = arguments.number(0, 2);
        int pairs = arguments.number(1, 1000);
        int bytes = arguments.number(2, 1000);
        int reducers = arguments.number(3, mappers);
        try (SparkSession spark = SparkSession.builder().appName("GroupBy Test").getOrCreate()) {
            JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
            JavaPairRDD<Integer, byte[]> random = context
                    .parallelize(IntStream.range(0, mappers).boxed().toList(), mappers)
                    .flatMapToPair(mapper -> {
                        Random numbers = new Random();
                        return IntStream.range(0, pairs)
                                .mapToObj(pair -> {
                                    byte[] value = new byte[bytes];
                                    numbers.nextBytes(value);
                                    return new Tuple2<>(numbers.nextInt(Integer.MAX_VALUE), value);
                                })
                                .iterator();
                    })
                    // Without the cache the second action would draw other numbers.
                    .cache();
            random.count();
            System.out.println(random.groupByKey(reducers).count());
        }
    }
}
