"""The life cycle of Spark versions and lines: what supersedes a version, and how long a line is maintained."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from packaging.version import Version

from spark_images.matrix.tables import Line, Spark


@dataclass(frozen=True)
class LifeCycle:
    """The life cycle of one Spark version.

    `superseded_by` is the newest version of the same line in images.toml, or "" if there is none newer. `end_of_life`
    is the last day on which the Spark project maintains the line. `source` is the URL that says so.
    """

    released: date
    superseded_by: str
    end_of_life: date
    source: str

    def days_left(self, today: date) -> int:
        """Returns the number of days until the end of life. It is negative after that day."""
        return (self.end_of_life - today).days

    def left(self, today: date) -> str:
        """Returns how long the line is maintained: `2027-11-30 (368 days left)`, `2026-11-23 (ended)`."""
        days = self.days_left(today)
        return f"{self.end_of_life} ({'ended' if days < 0 else f'{days} days left'})"

    def values(self) -> dict[str, str]:
        """Returns the values that the life cycle adds to a cell."""
        return {
            "released": self.released.isoformat(),
            "superseded_by": self.superseded_by,
            "end_of_life": self.end_of_life.isoformat(),
        }


def life_cycle(spark: str, versions: Mapping[str, Spark], lines: Mapping[str, Line]) -> LifeCycle:
    """Returns the life cycle of the Spark version `spark`, from the tables of all versions and lines."""
    table = versions[spark]
    newest = max((version for version, other in versions.items() if other.line == table.line), key=Version)
    line = lines[table.line]
    return LifeCycle(
        released=table.released,
        superseded_by="" if newest == spark else newest,
        end_of_life=line.end_of_life,
        source=line.end_of_life_source,
    )
