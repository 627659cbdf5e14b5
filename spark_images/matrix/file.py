"""Reading images.toml: the environment's settings, and the mistakes, each named by its table and key."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import tomli
from pydantic import TypeAdapter, ValidationError

from spark_images import ROOT
from spark_images.errors import MatrixError, UsageError, nearest, unknown
from spark_images.matrix.model import (
    GPU,
    Artefact,
    Budgets,
    Cell,
    Conflict,
    Feature,
    Image,
    ImageBudget,
    Layer,
    Matrix,
    Rapids,
    Refusal,
    Settings,
    Spark,
    fill,
)
from spark_images.matrix.reference import PARTS

FILE = ROOT / "images.toml"


def load(file: Path = FILE, environment: Mapping[str, str] | None = None) -> Matrix:
    """Reads images.toml; settings in `environment` (SPARK_IMAGES_<SETTING>) win over the file's.

    Raises MatrixError, naming the table and key, for an unknown or missing key, a value of the wrong type, a name
    that nothing defines, or two cells with one name.
    """
    try:
        document = tomli.loads(file.read_text())
    except tomli.TOMLDecodeError as error:
        raise MatrixError(f"{file.name}: {error}") from None
    if isinstance(settings := document.get("settings"), dict):
        document["settings"] = _overridden(settings, environment or {})
    try:
        matrix = TypeAdapter(Matrix).validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        raise MatrixError(
            "\n".join(_message(file.name, e["loc"], e["type"], e["msg"]) for e in error.errors())
        ) from None
    _check(matrix, file.name)
    return matrix


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
        try:
            PARTS.get(setting, str)(given)
        except ValueError as error:
            raise UsageError(f"{variable} {error}") from None
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
        inner = next((_TABLES[part] for part in reversed(table) if part in _TABLES), Matrix)
        return f"{file}: {where}: no such key{nearest(key, _fields(inner))}"
    if kind in ("missing", "missing_argument"):
        return f"{file}: {where}: the key is missing"
    if kind == "value_error":
        return f"{file}: {where}: it {message.removeprefix('Value error, ')}"
    return f"{file}: {where}: {message[0].lower()}{message[1:]}"


def _check_pairing(matrix: Matrix, cell: Cell, file: str) -> None:
    """Raises MatrixError for a cell whose parts are known not to work together."""
    table = f'[spark."{cell.spark}"]'
    if GPU in cell.features and not cell.support:
        rapids = matrix.rapids.get(cell.line)
        if not rapids:
            raise MatrixError(f'{file}: {table}: {cell.key} needs RAPIDS, and there is no [rapids."{cell.line}"]')
        raise MatrixError(
            f"{file}: {table} rapids-bridge: RAPIDS {rapids.version} has no shim for Spark {cell.spark} and would "
            f"refuse to start: name the version whose shim stands in ({', '.join(rapids.shims)})"
        )
    for conflict in matrix.conflicts:
        if conflict.strikes(cell.features, cell.values):
            versions = ", ".join(f"{name} {cell.values[name]}" for name in conflict.when)
            raise MatrixError(f"{file}: {cell.key} cannot work with {versions}: {conflict.reason}")


Defined = Callable[[str, str, str, Iterable[str]], None]


def _check(matrix: Matrix, file: str) -> None:
    def defined(where: str, what: str, value: str, valid: Iterable[str]) -> None:
        if value and value not in valid:
            raise MatrixError(f"{file}: {where}: {unknown(what, value, valid)}")

    _check_names(matrix, defined)
    for cell in matrix.buildable:
        _check_pairing(matrix, cell, file)
    _check_doubles(matrix, file)
    _check_templates(matrix)


def _check_names(matrix: Matrix, defined: Defined) -> None:
    """Every name that stands for something of another table stands for something."""
    for version, spark in matrix.spark.items():
        defined(f'[spark."{version}"] line', "line", spark.line, matrix.lines)
    for line in matrix.rapids:
        defined(f'[rapids."{line}"]', "line", line, matrix.lines)
    for where, features in (
        *((f"[variants] {variant}", features) for variant, features in matrix.variants.items()),
        *(("[[conflicts]] features", conflict.features) for conflict in matrix.conflicts),
    ):
        for feature in features:
            defined(where, "feature", feature, matrix.features)
    for layer, table in matrix.layers.items():
        for below in table.extends:
            defined(f"[layers.{layer}] extends", "layer", below, matrix.layers)
        for number, artefact in enumerate(table.artefacts):
            defined(f"[layers.{layer}] artefacts[{number}].line", "line", artefact.line, matrix.lines)
    for number, refusal in enumerate(matrix.refusals):
        where = f"[[refusals]] number {number + 1},"
        defined(f"{where} image", "image", refusal.image, matrix.images)
        defined(f"{where} spark", "Spark version", refusal.spark, matrix.spark)
        defined(f"{where} line", "line", refusal.line, matrix.lines)
        defined(f"{where} variant", "variant", refusal.variant, matrix.variants)
        defined(f"{where} feature", "feature", refusal.feature, matrix.features)
    for layer in matrix.budgets.layers:
        defined("[budgets] layers", "layer", layer, sorted(matrix.layer_names()))
    for number, budget in enumerate(matrix.budgets.sizes):
        where = f"[budgets] sizes[{number}]"
        defined(f"{where}.image", "image", budget.image, matrix.images)
        defined(f"{where}.line", "line", budget.line, matrix.lines)
        defined(f"{where}.variant", "variant", budget.variant, matrix.variants)


def _check_doubles(matrix: Matrix, file: str) -> None:
    for attribute in ("key", "name"):
        seen: dict[str, Cell] = {}
        for cell in matrix.cells:
            value = getattr(cell, attribute)
            if other := seen.get(value):
                raise MatrixError(
                    f'{file}: [images.{cell.image}] {attribute}: two cells are called "{value}": {other.image} '
                    f"{other.spark} {other.variant} and {cell.image} {cell.spark} {cell.variant}"
                )
            seen[value] = cell


def _check_templates(matrix: Matrix) -> None:
    for cell in matrix.cells:
        for feature in cell.features:
            fill(matrix.features[feature].title, cell.values, f"[features.{feature}] title")
        for label, template in cell.labels.items():
            fill(template, {**cell.values, "revision": ""}, f"[labels] {label}")
        for layer in matrix.layers:
            matrix.layer_name(layer, cell.values)
            matrix.artefacts(layer, cell.values)
