import org.apache.spark.sql.SparkSession

object Squares {
  def main(arguments: Array[String]): Unit = {
    val spark = SparkSession.builder.getOrCreate()
    import spark.implicits._
    val sum = spark.range(100).map(number => number * number).reduce(_ + _)
    println(s"RESULT $sum")
    spark.stop()
  }
}
