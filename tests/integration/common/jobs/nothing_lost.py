"""Uses everything that trimming could have broken: native libraries, codecs, state stores, MLlib, GraphX, Hive.

Prints one JSON object with a result for each check. If a check fails, its result is the error, and the others still
run.
"""

import json
import os
import pathlib
import re
import traceback
import zipfile

from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import SparkSession
from pyspark.sql.functions import col

spark = SparkSession.builder.enableHiveSupport().getOrCreate()
java = spark.sparkContext._jvm
found = {}


def attempt(name):
    def decorate(function):
        try:
            found[name] = function()
        except Exception:
            found[name] = traceback.format_exc()[-1500:]

    return decorate


@attempt("natives")
def natives():
    """Returns the native libraries in each jar."""
    jars = {}
    for jar in sorted(pathlib.Path(os.environ["SPARK_HOME"], "jars").glob("*.jar")):
        names = [n for n in zipfile.ZipFile(jar).namelist() if re.search(r"\.(so|dll|dylib|jnilib|a)$", n)]
        if names:
            jars[jar.name] = names
    return jars


@attempt("zstd")
def zstd():
    java.com.github.luben.zstd.util.Native.load()
    packed = java.com.github.luben.zstd.Zstd.compress(bytes(10_000))
    return [len(packed) < 100, len(java.com.github.luben.zstd.Zstd.decompress(packed, 10_000))]


@attempt("snappy")
def snappy():
    packed = java.org.xerial.snappy.Snappy.compress(bytes(10_000))
    return [len(packed) < 1000, len(java.org.xerial.snappy.Snappy.uncompress(packed))]


@attempt("lz4")
def lz4():
    return java.net.jpountz.lz4.LZ4Factory.nativeInstance().toString()


@attempt("epoll")
def epoll():
    return java.io.netty.channel.epoll.Epoll.isAvailable()


@attempt("leveldb")
def leveldb():
    """The history server and a worker's shuffle service can keep their state in LevelDB instead of RocksDB."""
    options = java.org.iq80.leveldb.Options()
    database = java.org.fusesource.leveldbjni.JniDBFactory.factory.open(java.java.io.File("/tmp/leveldb"), options)
    database.put(b"key", b"value")
    value = bytes(database.get(b"key")).decode()
    database.close()
    return value


numbers = spark.range(1000).select("id", (col("id") % 10).alias("key"))


@attempt("parquet")
def parquet():
    counts = {}
    for codec in ("snappy", "gzip", "zstd", "lz4_raw"):
        numbers.coalesce(1).write.option("compression", codec).parquet(f"/tmp/parquet-{codec}")
        counts[codec] = spark.read.parquet(f"/tmp/parquet-{codec}").where("key = 3").count()
    return counts


@attempt("orc")
def orc():
    counts = {}
    for codec in ("snappy", "zlib", "zstd", "lz4"):
        numbers.coalesce(1).write.option("compression", codec).orc(f"/tmp/orc-{codec}")
        counts[codec] = spark.read.orc(f"/tmp/orc-{codec}").where("key = 3").count()
    return counts


@attempt("shuffle")
def shuffle():
    """Shuffles with the codec that spark.io.compression.codec selects."""
    return numbers.repartition(2, "key").groupBy("key").count().count()


@attempt("rocksdb")
def rocksdb():
    """Runs a stream with state. Returns its counts and the file types that the state store wrote to the checkpoint."""
    provider = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    spark.conf.set("spark.sql.streaming.stateStore.providerClass", provider)
    stream = spark.readStream.schema(numbers.schema).parquet("/tmp/parquet-snappy").groupBy("key").count()
    query = (
        stream.writeStream.format("memory")
        .queryName("counts")
        .outputMode("complete")
        .option("checkpointLocation", "/tmp/checkpoint")
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination(60)
    state = sorted({file.suffix for file in pathlib.Path("/tmp/checkpoint/state").rglob("*") if file.is_file()})
    return [spark.table("counts").where("count = 100").count(), state]


@attempt("mllib")
def mllib():
    points = spark.range(200).select((col("id") > 100).cast("int").alias("label"), col("id").cast("double").alias("x"))
    points = VectorAssembler(inputCols=["x"], outputCol="features").transform(points).coalesce(1)
    model = LogisticRegression(maxIter=20).fit(points)
    return model.transform(points).where("label = prediction").count() > 190


@attempt("graphx")
def graphx():
    """Returns each vertex with the smallest vertex of its component. The graph has two components."""
    pathlib.Path("/tmp/edges.txt").write_text("1 2\n2 3\n10 11\n")
    level = java.org.apache.spark.storage.StorageLevel.MEMORY_ONLY()
    graph = java.org.apache.spark.graphx.GraphLoader.edgeListFile(
        spark.sparkContext._jsc.sc(), "file:///tmp/edges.txt", False, 1, level, level
    )
    return sorted(pair.toString() for pair in graph.ops().connectedComponents().vertices().toJavaRDD().collect())


@attempt("hive")
def hive():
    """Uses a table in Hive's own format, the Hive metastore as catalogue, and a Hive function."""
    spark.sql("CREATE TABLE kept (id BIGINT) STORED AS TEXTFILE")
    spark.sql("INSERT INTO kept SELECT id FROM range(5)")
    name = "org.apache.hadoop.hive.ql.udf.generic.GenericUDFUpper"
    spark.sql(f"CREATE TEMPORARY FUNCTION hive_upper AS '{name}'")
    upper = spark.sql("SELECT hive_upper('hive')").first()[0]
    provider = spark.sql("DESCRIBE TABLE EXTENDED kept").where("col_name = 'Provider'").first()["data_type"]
    return [spark.conf.get("spark.sql.catalogImplementation"), provider, spark.table("kept").count(), upper]


print("RESULT " + json.dumps(found), flush=True)
spark.stop()
