"""Reads the table of tables.py without Spark. The argument is the path of the table's metadata file."""

import json
import sys

from pyiceberg.table import StaticTable

table = StaticTable.from_metadata(sys.argv[1])
rows = table.scan(row_filter="id >= 8").to_arrow().sort_by("id").to_pylist()
print("PYICEBERG " + json.dumps({"rows": [[row["id"], row["article"]] for row in rows], "all": table.scan().count()}))
