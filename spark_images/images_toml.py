"""Reading images.toml: the environment's settings, and the mistakes, each named by its table and key."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import tomli
from pydantic import TypeAdapter, ValidationError

from spark_images import ROOT
from spark_images.catalog import (
    GPU,
    Artefact,
    Budgets,
    Catalog,
    Cell,
    Conflict,
    Feature,
    Image,
    ImageBudget,
    Layer,
    Rapids,
    Refusal,
    Settings,
    Spark,
    fill,
)
from spark_images.errors import CatalogError, UsageError, nearest, unknown

FILE = ROOT / "images.toml"


def load(file: Path = FILE, environment: Mapping[str, str] | None = None) -> Catalog:
    """Reads images.toml; settings in `environment` (SPARK_IMAGES_<SETTING>) win over the file's.

    Raises CatalogError, naming the table and key, for an unknown or missing key, a value of the wrong type, a name
    that nothing defines, or two cells with one name.
    """
    try:
        document = tomli.loads(file.read_text())
    except tomli.TOMLDecodeError as error:
        raise CatalogError(f"{file.name}: {error}") from None
    if isinstance(settings := document.get("settings"), dict):
        document["settings"] = _overridden(settings, environment or {})
    try:
        catalog = TypeAdapter(Catalog).validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        raise CatalogError(
            "\n".join(_message(file.name, e["loc"], e["type"], e["msg"]) for e in error.errors())
        ) from None
    _check(catalog, file.name)
    return catalog


VARIABLES = "SPARK_IMAGES_"
"""What the environment variable of a setting begins with."""


def _overridden(settings: Mapping[str, object], environment: Mapping[str, str]) -> dict[str, object]:
    variables = {VARIABLES + setting.replace("-", "_").upper(): setting for setting in settings}
    changed = dict(settings)
    for variable, given in environment.items():
        if not variable.startswith(VARIABLES):
            continue
        if variable not in variables:
            raise UsageError(unknown("setting", variable, variables))
        setting = variables[variable]
        if isinstance(settings[setting], int) and not given.isdecimal():
            raise UsageError(f'{variable} is "{given}": expected a whole number')
        changed[setting] = int(given) if isinstance(settings[setting], int) else given
    return changed


def _fields(table: type) -> list[str]:
    return [name.replace("_", "-") for name in getattr(table, "__dataclass_fields__", ())]


# The table that a name of the file leads to, where its keys are fixed.
_TABLES: Mapping[str, type] = {
    "settings": Settings,
    "spark": Spark,
    "rapids": Rapids,
    "conflicts": Conflict,
    "features": Feature,
    "images": Image,
    "layers": Layer,
    "budgets": Budgets,
    "sizes": ImageBudget,
    "artefacts": Artefact,
    "refusals": Refusal,
}


def _message(file: str, location: Sequence[int | str], kind: str, message: str) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f'"{part}"' if "." in part else part for part in location]
    *table, key = parts
    where = f"[{'.'.join(table).replace('.[', '[')}] {key}" if table else key
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        inner = next((_TABLES[part] for part in reversed(table) if part in _TABLES), Catalog)
        return f"{file}: {where}: no such key{nearest(key, _fields(inner))}"
    if kind in ("missing", "missing_argument"):
        return f"{file}: {where}: the key is missing"
    return f"{file}: {where}: {message[0].lower()}{message[1:]}"


def _check_pairing(catalog: Catalog, cell: Cell, file: str) -> None:
    """Raises CatalogError for a cell whose parts are known not to work together."""
    table = f'[spark."{cell.spark}"]'
    if GPU in cell.features and not cell.support:
        rapids = catalog.rapids.get(cell.line)
        if not rapids:
            raise CatalogError(f'{file}: {table}: {cell.key} needs RAPIDS, and there is no [rapids."{cell.line}"]')
        raise CatalogError(
            f"{file}: {table} rapids-bridge: RAPIDS {rapids.version} has no shim for Spark {cell.spark} and would "
            f"refuse to start: name the version whose shim stands in ({', '.join(rapids.shims)})"
        )
    for conflict in catalog.conflicts:
        if conflict.strikes(cell.features, cell.values):
            versions = ", ".join(f"{name} {cell.values[name]}" for name in conflict.when)
            raise CatalogError(f"{file}: {cell.key} cannot work with {versions}: {conflict.reason}")


Defined = Callable[[str, str, str, Iterable[str]], None]


def _check(catalog: Catalog, file: str) -> None:
    def defined(where: str, what: str, value: str, valid: Iterable[str]) -> None:
        if value and value not in valid:
            raise CatalogError(f"{file}: {where}: {unknown(what, value, valid)}")

    _check_names(catalog, defined)
    for cell in catalog.buildable:
        _check_pairing(catalog, cell, file)
    _check_doubles(catalog, file)
    _check_templates(catalog)


def _check_names(catalog: Catalog, defined: Defined) -> None:
    """Every name that stands for something of another table stands for something."""
    for version, spark in catalog.spark.items():
        defined(f'[spark."{version}"] line', "line", spark.line, catalog.lines)
    for line in catalog.rapids:
        defined(f'[rapids."{line}"]', "line", line, catalog.lines)
    for where, features in (
        *((f"[variants] {variant}", features) for variant, features in catalog.variants.items()),
        *(("[[conflicts]] features", conflict.features) for conflict in catalog.conflicts),
    ):
        for feature in features:
            defined(where, "feature", feature, catalog.features)
    for layer, table in catalog.layers.items():
        for below in table.upon:
            defined(f"[layers.{layer}] upon", "layer", below, catalog.layers)
        for number, artefact in enumerate(table.artefacts):
            defined(f"[layers.{layer}] artefacts[{number}].line", "line", artefact.line, catalog.lines)
    for number, refusal in enumerate(catalog.refusals):
        where = f"[[refusals]] number {number + 1},"
        defined(f"{where} image", "image", refusal.image, catalog.images)
        defined(f"{where} spark", "Spark version", refusal.spark, catalog.spark)
        defined(f"{where} line", "line", refusal.line, catalog.lines)
        defined(f"{where} variant", "variant", refusal.variant, catalog.variants)
        defined(f"{where} feature", "feature", refusal.feature, catalog.features)
    for layer in catalog.budgets.layers:
        defined("[budgets] layers", "layer", layer, sorted(catalog.layer_names()))
    for number, budget in enumerate(catalog.budgets.sizes):
        where = f"[budgets] sizes[{number}]"
        defined(f"{where}.image", "image", budget.image, catalog.images)
        defined(f"{where}.line", "line", budget.line, catalog.lines)
        defined(f"{where}.variant", "variant", budget.variant, catalog.variants)


def _check_doubles(catalog: Catalog, file: str) -> None:
    for attribute in ("key", "name"):
        seen: dict[str, Cell] = {}
        for cell in catalog.cells:
            value = getattr(cell, attribute)
            if other := seen.get(value):
                raise CatalogError(
                    f'{file}: [images.{cell.image}] {attribute}: two cells are called "{value}": {other.image} '
                    f"{other.spark} {other.variant} and {cell.image} {cell.spark} {cell.variant}"
                )
            seen[value] = cell


def _check_templates(catalog: Catalog) -> None:
    for cell in catalog.cells:
        for feature in cell.features:
            fill(catalog.features[feature].title, cell.values, f"[features.{feature}] title")
        for label, template in cell.labels.items():
            fill(template, {**cell.values, "revision": ""}, f"[labels] {label}")
        for layer in catalog.layers:
            catalog.layer_name(layer, cell.values)
            catalog.artefacts(layer, cell.values)
