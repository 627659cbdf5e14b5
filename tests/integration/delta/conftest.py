"""Settings that make the jobs of these tests fast."""

from tests.integration.conftest import options

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    # Delta Lake reads its log in 50 partitions. These tables have a few commits.
    "spark.databricks.delta.snapshotPartitions": "2",
    # VACUUM lists directories in 10,000 tasks.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
}
FAST = options(SETTINGS)
"""Options of spark-submit for tables with few rows."""
