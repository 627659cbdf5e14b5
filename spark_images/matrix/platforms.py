"""The platforms that images are built for, and the name that each tool uses for them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Platform:
    """One platform.

    `wheels` is uv's name of the platform whose wheels are locked. `natives` is a pattern that matches the names of the
    platform in paths of native libraries.
    """

    wheels: str
    natives: str


PLATFORMS: Mapping[str, Platform] = {"linux/amd64": Platform(wheels="x86_64-manylinux_2_28", natives="x86_64|amd64|64")}
"""The platforms by Docker's name."""
