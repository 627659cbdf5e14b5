"""The bill of an image: its name, its layers and its components, and an identity that only its content gives."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import NAMESPACE_OID, UUID, uuid5

from spark_images.sbom.components import Component, Layer

TOOL = "spark-images"

MODIFIED = "the build removed files from it"
"""The remark in both formats about a jar that differs from its download."""


@dataclass(frozen=True)
class Bill:
    """The content of an SBOM, in any format. `created` is the time of the image's last change, not of the SBOM."""

    name: str
    title: str
    version: str
    created: datetime
    layers: tuple[Layer, ...]
    components: tuple[Component, ...]

    @property
    def identity(self) -> UUID:
        """An identifier that is the same for the same content."""
        return uuid5(NAMESPACE_OID, json.dumps(asdict(self), sort_keys=True, default=str))

    def inside(self, component: Component) -> list[Component]:
        """Returns the components that a component contains directly."""
        return [other for other in self.components if other.within == component.path]

    @property
    def outermost(self) -> list[Component]:
        """The components that no other component contains."""
        return [component for component in self.components if not component.within]
