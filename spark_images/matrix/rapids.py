"""The shims of RAPIDS: which Spark versions a release supports.

A release has a shim for each Spark version that it supports (native). For another version, a setting can make it
use the shim of a similar version (bridged). RAPIDS does not start without a shim.
"""

from collections.abc import Mapping
from dataclasses import field

from packaging.version import Version
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

NATIVE, BRIDGED = "native", "bridged"
PROVIDER = "com.nvidia.spark.rapids.shims.{shim}.SparkShimServiceProvider"
"""The class of a shim: a value of spark.rapids.shims-provider-override (RAPIDS' advanced configuration)."""

_strict = ConfigDict(extra="forbid", strict=True, alias_generator=lambda name: name.replace("_", "-"))


@dataclass(frozen=True, config=_strict)
class Bridge:
    """The Spark version whose shim is used, and the first release with a native shim ("" if none is known)."""

    shim: str
    native_from: str = ""


@dataclass(frozen=True, config=_strict)
class Shims:
    """The Spark versions that a release has a shim for, and the bridges for other versions, by Spark version.

    A native shim takes precedence over a bridge.
    """

    native: tuple[str, ...]
    bridges: Mapping[str, Bridge] = field(default_factory=dict)

    def refuses(self, spark: str, versions: Mapping[str, str]) -> str:
        """Returns why RAPIDS cannot run on a Spark version, or "" if it can. `versions` contains `rapids`."""
        bridge = self.bridges.get(spark)
        if spark in self.native or (bridge and bridge.shim in self.native):
            return ""
        release = f"RAPIDS {versions.get('rapids', '')}"
        if bridge:
            return f"the bridge for Spark {spark} uses the shim for Spark {bridge.shim}, which {release} does not have"
        return f"{release} has no shim for Spark {spark}, and images.toml has no bridge for it"

    def nearest(self, spark: str) -> str:
        """Returns the Spark version whose shim a bridge for `spark` uses: the newest one that is not newer.

        If all are newer, it is the oldest one. Returns "" if there is no shim.
        """
        known = sorted(self.native, key=Version)
        older = [version for version in known if Version(version) <= Version(spark)]
        return (older[-1:] or known[:1] or [""])[0]

    def values(self, spark: str, versions: Mapping[str, str]) -> dict[str, str]:
        """Returns the values of a cell: the level, the shim, the override setting (or ""), and a description.

        `refuses` must return "" for this Spark version.
        """
        release = f"RAPIDS {versions.get('rapids', '')}"
        if spark in self.native:
            return _values(NATIVE, spark, "", f"native: {release} has a shim for Spark {spark}")
        bridge = self.bridges[spark]
        later = (
            f"native from RAPIDS {bridge.native_from}"
            if bridge.native_from
            else "no release of RAPIDS with a shim for it is known"
        )
        words = (
            f"bridged: {release} with its shim for Spark {bridge.shim}, a pairing that NVIDIA has not tested; {later}"
        )
        return _values(BRIDGED, bridge.shim, PROVIDER.format(shim=shim_name(bridge.shim)), words)


def _values(level: str, version: str, override: str, words: str) -> dict[str, str]:
    return {
        "rapids_level": level,
        "rapids_shim": shim_name(version),
        "rapids_override": override,
        "rapids_support": words,
    }


def shim_name(version: str) -> str:
    """Returns RAPIDS' name for the shim of a Spark version: `spark411` for 4.1.1."""
    return "spark" + version.replace(".", "")
