package org.apache.spark.examples;

import java.io.IOException;
import java.util.Arrays;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.SparkSession;
import scala.Tuple2;

/** Counts the words of a text file and prints one line for each. Argument: its path or URL. */
public final class JavaWordCount {
    private JavaWordCount() {}

    public static void main(String[] args) throws IOException {
        String file = new Arguments("JavaWordCount <file>", args).text(0, "file");
        try (SparkSession spark = SparkSession.builder().appName("JavaWordCount").getOrCreate()) {
            JavaRDD<String> lines = spark.read().textFile(file).toJavaRDD();
            lines.flatMap(line -> Arrays.asList(line.split(" ")).iterator())
                    .mapToPair(word -> new Tuple2<>(word, 1))
                    .reduceByKey(Integer::sum)
                    .collect()
                    .forEach(count -> System.out.println(count._1() + ": " + count._2()));
        }
    }
}
