"""Reads OpenVEX documents, and says what they state about a component.

This room reads them instead of grype. grype finds a statement only by the identifier that its own database uses, which
is a GHSA for jars and Python packages. Statements usually name a CVE.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from spark_images.errors import UsageError
from spark_images.sbom import purls

HARMLESS = ("not_affected", "fixed")
"""The statuses that excuse a finding. OpenVEX also has `affected` and `under_investigation`."""


@dataclass(frozen=True)
class Statement:
    """The status of a vulnerability in a component. `names` are all identifiers of the vulnerability.

    `product` is the package URL of the component. Without a version, it stands for each version.
    """

    names: frozenset[str]
    product: str
    status: str


class _Identifiers(BaseModel):
    purl: str = ""


class _Component(BaseModel):
    id: str = Field(default="", alias="@id")
    identifiers: _Identifiers = _Identifiers()

    @property
    def purl(self) -> str:
        return self.identifiers.purl or self.id


class _Product(_Component):
    subcomponents: list[_Component] = []


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class _Vulnerability(BaseModel):
    name: str
    aliases: list[str] = []


class _Statement(BaseModel):
    vulnerability: Annotated[_Vulnerability, BeforeValidator(_named)]
    products: list[_Product] = []
    status: str


class _Document(BaseModel):
    statements: list[_Statement]


def read(text: str, where: str = "the OpenVEX document") -> list[Statement]:
    """Returns the statements of an OpenVEX document, one for each component.

    A product with subcomponents is an image: its statements are about the subcomponents.
    Raises UsageError, which names `where`, if the text is not an OpenVEX document.
    Source: the OpenVEX specification, version 0.2.0.
    """
    try:
        document = _Document.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(f"{where} is not an OpenVEX document: {place}: {first['msg']}") from None
    return [
        Statement(frozenset({said.vulnerability.name, *said.vulnerability.aliases}), purl, said.status)
        for said in document.statements
        for product in said.products
        for purl in _about(product)
    ]


def _about(product: _Product) -> Iterator[str]:
    for component in product.subcomponents or [product]:
        if component.purl.startswith("pkg:"):
            yield component.purl


def status(statements: Iterable[Statement], names: Collection[str], purl: str) -> str:
    """Returns what the last statement about a vulnerability of a component says, or "" if there is none.

    `names` are all identifiers of the vulnerability. `purl` is the package URL of the component.
    """
    said = ""
    for statement in statements:
        if statement.names & set(names) and purls.names(statement.product, purl):
            said = statement.status
    return said
