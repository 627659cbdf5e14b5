"""The shims of RAPIDS: how far a release knows a Spark version.

A release has a shim for each Spark version that it knows (native). For another version it can be told to take the shim
of a version nearby (bridged). RAPIDS refuses to start without a shim.
"""

from collections.abc import Mapping
from dataclasses import field

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

NATIVE, BRIDGED = "native", "bridged"
PROVIDER = "com.nvidia.spark.rapids.shims.{shim}.SparkShimServiceProvider"
"""The class of a shim. The setting spark.rapids.shims-provider-override takes it (RAPIDS' advanced configuration)."""

_strict = ConfigDict(extra="forbid", strict=True, alias_generator=lambda name: name.replace("_", "-"))


@dataclass(frozen=True, config=_strict)
class Bridge:
    """The Spark version whose shim stands in, and the release that brings a shim of its own ("" where none does)."""

    shim: str
    native_from: str = ""


@dataclass(frozen=True, config=_strict)
class Shims:
    """The Spark versions that a release has a shim for, and the bridges for others, by Spark version.

    A bridge is not used for a version that has a shim of its own.
    """

    native: tuple[str, ...]
    bridges: Mapping[str, Bridge] = field(default_factory=dict)

    def refuses(self, spark: str, versions: Mapping[str, str]) -> str:
        """Returns why RAPIDS cannot run on a Spark version, or "" where it can. `versions` holds `rapids`."""
        bridge = self.bridges.get(spark)
        if spark in self.native or (bridge and bridge.shim in self.native):
            return ""
        release = f"RAPIDS {versions.get('rapids', '')}"
        if bridge:
            return f"the bridge of Spark {spark} names a shim for {bridge.shim}, which {release} does not have"
        return f"{release} has no shim for Spark {spark}, and images.toml names no bridge for it"

    def values(self, spark: str, versions: Mapping[str, str]) -> dict[str, str]:
        """Returns the values of a cell: level, shim, the override that RAPIDS takes (or ""), and all of it in words.

        `refuses` must be "" for this Spark version.
        """
        release = f"RAPIDS {versions.get('rapids', '')}"
        if spark in self.native:
            return _values(NATIVE, spark, "", f"native: {release} has a shim for Spark {spark}")
        bridge = self.bridges[spark]
        later = (
            f"native from RAPIDS {bridge.native_from}"
            if bridge.native_from
            else "no release of RAPIDS has a shim for it"
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
    """Returns RAPIDS' name of the shim for a Spark version: `spark411` for 4.1.1."""
    return "spark" + version.replace(".", "")
