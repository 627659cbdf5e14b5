"""The settings that turn Comet on."""

from tests.integration.conftest import options

SETTINGS = "/opt/spark/conf/comet.conf"
"""The file of the images that turns Comet on."""

ON = (
    "--properties-file",
    SETTINGS,
    *options({"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2", "spark.memory.offHeap.size": "1g"}),
)
"""Options of spark-submit that turn Comet on for tables with few rows."""
