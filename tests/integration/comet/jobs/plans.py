"""Runs each query with Comet on and off, and prints as JSON: the operators of the executed plan, and both results."""

import json
import struct
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession

QUERIES = {
    "filter": "SELECT id, text FROM facts WHERE whole > 3 AND text IS NOT NULL",
    "project": "SELECT id, whole * 2 + 1 AS more, amount + 1.5 AS amount, -real AS real FROM facts",
    "aggregate": """
        SELECT grp, count(*), sum(whole), max(moment), sum(amount), avg(whole), min(day) FROM facts GROUP BY grp
    """,
    "floats": "SELECT real, count(*) FROM facts GROUP BY real",
    "comparison": "SELECT id, real > 1.5, real = 0.0, real <=> CAST('NaN' AS DOUBLE), whole <=> NULL FROM facts",
    "broadcast join": "SELECT /*+ BROADCAST(names) */ id, name FROM facts JOIN names ON facts.grp = names.grp",
    "sort-merge join": """
        SELECT /*+ MERGE(other) */ facts.id, other.id AS other FROM facts JOIN facts AS other ON facts.text = other.text
    """,
    "outer join": "SELECT /*+ MERGE(names) */ id, name FROM facts LEFT JOIN names ON facts.text = names.name",
    "sort": "SELECT id, text, amount, moment FROM facts ORDER BY text NULLS LAST, amount DESC, moment, id",
    "top": "SELECT id, moment FROM facts ORDER BY moment DESC NULLS LAST, id LIMIT 7",
    "exchange": "SELECT /*+ REPARTITION(3, grp) */ * FROM facts",
    "union": "SELECT whole FROM facts UNION ALL SELECT id FROM facts",
    "decimals": "SELECT id, amount * amount, amount / 3, CAST(amount AS DECIMAL(16, 1)), round(amount, 1) FROM facts",
    "times": """
        SELECT id, date_trunc('HOUR', moment), year(moment), hour(moment), CAST(moment AS DATE), date_add(day, 40)
        FROM facts
    """,
    "strings": """
        SELECT id, length(text), substring(text, 1, 2), text LIKE '%b%', concat(text, '-', text), trim(text) FROM facts
    """,
    "texts": "SELECT grp, min(text), max(text) FROM facts GROUP BY grp",
    "case": "SELECT id, upper(text) AS text FROM facts",
    "distinct": "SELECT count(DISTINCT whole), count(DISTINCT text) FROM facts",
    "anti join": "SELECT id FROM facts WHERE NOT EXISTS (SELECT 1 FROM names WHERE names.grp = facts.grp)",
    "floats sorted": "SELECT id, real FROM facts ORDER BY real, id",
    "window": "SELECT id, row_number() OVER (PARTITION BY grp ORDER BY id) AS number FROM facts",
    "soundex": "SELECT id, soundex(text) FROM facts WHERE whole > 3",
    "python": "SELECT id, plus_one(whole) FROM facts",
}
SORTED = ("sort", "top", "floats sorted")


def key(value: Any) -> Any:
    """Returns the value so that JSON keeps it exactly: NaN, -0.0, decimals and times."""
    if isinstance(value, float):
        return "NaN" if value != value else struct.pack(">d", value).hex()  # noqa: PLR0124 -- only NaN differs from itself
    return value if value is None or isinstance(value, int | str | bool) else str(value)


def rows(frame: DataFrame, *, ordered: bool) -> list[list[Any]]:
    found = [[key(value) for value in row] for row in frame.collect()]
    return found if ordered else sorted(found, key=repr)


def nodes(plan: Any) -> Iterator[str]:
    """Yields the names of the operators of an executed plan."""
    kind = plan.getClass().getSimpleName()
    if kind == "AdaptiveSparkPlanExec":
        yield from nodes(plan.executedPlan())
    elif kind.endswith("QueryStageExec"):
        yield from nodes(plan.plan())
    else:
        yield plan.nodeName().strip()
        children = plan.children()
        for index in range(children.size()):
            yield from nodes(children.apply(index))


def made_up(spark: SparkSession, folder: str) -> None:
    spark.conf.set("spark.comet.enabled", "false")
    texts = ["abc", "", " b ", "naïve", "日本語", "🎉🎉b", "\U0001d11e", None, "abc"]
    reals = [0.0, -0.0, float("nan"), float("inf"), -1.5, 1.5, None, 5e-324]
    amounts = [Decimal("1.25"), Decimal("-99999999999999.99"), Decimal("0.00"), None, Decimal("12345678901234.56")]
    facts = [
        Row(
            id=i,
            grp=i % 5 if i % 11 else None,
            whole=(i * 7919) % 13 if i % 6 else None,
            text=texts[i % len(texts)],
            real=reals[i % len(reals)],
            amount=amounts[i % len(amounts)],
        )
        for i in range(200)
    ]
    schema = "id BIGINT, grp INT, whole BIGINT, text STRING, real DOUBLE, amount DECIMAL(16, 2)"
    frame = spark.createDataFrame(facts, schema)
    # Around both changes of the clock in 2024, before 1970, and before the Gregorian calendar.
    frame = frame.selectExpr(
        "*",
        "CASE WHEN id % 7 = 0 THEN NULL WHEN id % 7 = 1 THEN TIMESTAMP '1900-01-01 00:00:00' "
        "ELSE TIMESTAMP '2024-03-31 00:30:00' + make_dt_interval(0, 3 * id * (id % 7)) END AS moment",
        "CASE WHEN id % 9 = 0 THEN NULL ELSE date_add(DATE '1969-12-25', CAST(id AS INT)) END AS day",
    )
    frame.repartition(2).write.mode("overwrite").parquet(f"{folder}/facts")
    spark.sql("SELECT * FROM VALUES (0, 'abc'), (1, '日本語'), (2, NULL), (NULL, 'none') AS t(grp, name)").write.mode(
        "overwrite"
    ).parquet(f"{folder}/names")


def main(folder: str) -> None:
    spark = SparkSession.builder.getOrCreate()
    made_up(spark, folder)
    spark.read.parquet(f"{folder}/facts").createOrReplaceTempView("facts")
    spark.read.parquet(f"{folder}/names").createOrReplaceTempView("names")
    spark.udf.register("plus_one", lambda value: value and value + 1, "bigint")
    found: dict[str, Any] = {}
    for name, query in QUERIES.items():
        ordered = name in SORTED
        spark.conf.set("spark.comet.enabled", "false")
        plain = rows(spark.sql(query), ordered=ordered)
        spark.conf.set("spark.comet.enabled", "true")
        frame = spark.sql(query)
        comet = rows(frame, ordered=ordered)
        found[name] = {
            "plan": list(nodes(frame._jdf.queryExecution().executedPlan())),
            "equal": comet == plain,
            "rows": len(comet),
            "different": [pair for pair in zip(plain, comet, strict=False) if pair[0] != pair[1]][:3],
        }
    spark.sql("SELECT * FROM facts WHERE id > 5").write.parquet(f"{folder}/written")
    found["written"] = spark.read.parquet(f"{folder}/written").count()
    print("FILES", json.dumps([str(path) for path in Path("/tmp").glob("libcomet*")]))
    print("RESULT", json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
