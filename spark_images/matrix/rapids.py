"""How far RAPIDS knows a Spark version: it has a shim for it (native), or it is told to take another's (bridged)."""

from collections.abc import Sequence
from dataclasses import dataclass

NATIVE, BRIDGED = "native", "bridged"
PROVIDER = "com.nvidia.spark.rapids.shims.{shim}.SparkShimServiceProvider"
"""The class of a shim; spark.rapids.shims-provider-override takes it (RAPIDS' advanced configuration)."""


@dataclass(frozen=True)
class Support:
    """The level, the Spark version whose shim is used, the override that it takes (or ""), and all of it in words."""

    level: str
    shim_version: str
    override: str
    words: str

    @property
    def shim(self) -> str:
        """The shim's name in RAPIDS and in its log: `spark411`."""
        return shim_name(self.shim_version)


def shim_name(version: str) -> str:
    """Returns RAPIDS' name of the shim for a Spark version: `spark411` for 4.1.1."""
    return "spark" + version.replace(".", "")


def support(spark: str, rapids: str, shims: Sequence[str], bridge: str, native_from: str) -> Support | None:
    """Returns how RAPIDS `rapids`, which has `shims` for these Spark versions, supports `spark`; None: it cannot.

    `bridge` is the version whose shim stands in where `spark` has none; it is not used where `spark` has one.
    `native_from` is the release that brought the shim, or "" where no release has.
    """
    if spark in shims:
        return Support(NATIVE, spark, "", f"native: RAPIDS {rapids} has a shim for Spark {spark}")
    if bridge not in shims:
        return None
    later = f"native from RAPIDS {native_from}" if native_from else "no release of RAPIDS has a shim for it"
    return Support(
        BRIDGED,
        bridge,
        PROVIDER.format(shim=shim_name(bridge)),
        f"bridged: RAPIDS {rapids} with its shim for Spark {bridge}, a pairing that NVIDIA has not tested; {later}",
    )
