"""Reads images.toml, applies settings from the environment, and reports each mistake by table and key."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import tomli
from pydantic import TypeAdapter, ValidationError

from spark_images import ROOT
from spark_images.errors import MatrixError, UsageError, nearest, unknown
from spark_images.matrix import reference
from spark_images.matrix.model import Cell, Matrix
from spark_images.matrix.platforms import PLATFORMS
from spark_images.matrix.tables import Feature
from spark_images.matrix.templates import fill

FILE = ROOT / "images.toml"


def load(file: Path = FILE, environment: Mapping[str, str] | None = None) -> Matrix:
    """Reads images.toml. Settings in `environment` (SPARK_IMAGES_<SETTING>) override those of the file.

    Raises MatrixError for an unknown or missing key, a value of the wrong type, an undefined name, or two cells with
    the same name. Raises it for an alias that two cells have, and for an alias that is not a valid reference. The
    message names the table and key. Raises UsageError for a wrong variable in `environment`.
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
    _check(matrix, file.name, environment or {})
    return matrix


VARIABLES = "SPARK_IMAGES_"
"""The prefix of the environment variable of a setting."""

SWITCH = {"true": True, "false": False}
"""The values of a variable for a setting that is on or off."""


def _overridden(settings: Mapping[str, object], environment: Mapping[str, str]) -> dict[str, object]:
    variables = {VARIABLES + setting.replace("-", "_").upper(): setting for setting in settings}
    changed = dict(settings)
    for variable, given in environment.items():
        if not variable.startswith(VARIABLES):
            continue
        if variable not in variables:
            raise UsageError(unknown("setting", variable, variables))
        setting = variables[variable]
        try:
            reference.PARTS.get(setting, str)(given)
            changed[setting] = _like(settings[setting], given)
        except ValueError as error:
            raise UsageError(f"{variable} {error}") from None
    return changed


def _like(value: object, given: str) -> object:
    """Returns the text of a variable as the type of the file's value. Raises ValueError if it is not of that type."""
    if isinstance(value, bool):  # before int, because a bool is also an int
        if given not in SWITCH:
            raise ValueError(f'is "{given}": expected {" or ".join(SWITCH)}')
        return SWITCH[given]
    if isinstance(value, int):
        if not given.isdecimal():
            raise ValueError(f'is "{given}": expected a whole number')
        return int(given)
    return given


def _keys(table: Any) -> list[str]:
    return [field.name.replace("_", "-") for field in fields(table)] if is_dataclass(table) else []


def _table_at(path: Sequence[int | str]) -> Any:
    """Returns the type of the table at a location in the file."""
    found: Any = Matrix
    for part in path:
        if is_dataclass(found):
            found = get_type_hints(found).get(str(part).replace("-", "_"), Any)
        elif get_args(found):
            found = get_args(found)[-1] if get_origin(found) is not tuple else get_args(found)[0]
        if type(None) in get_args(found):
            found = next(of for of in get_args(found) if of is not type(None))
    return found


def _where(location: Sequence[int | str]) -> str:
    """Returns a location as a reader finds it in the file: `[lines."10"] scala`, `[layers.core.artefacts[0]] link`."""
    # The file quotes every version, including those without a dot.
    parts = [f"[{p}]" if isinstance(p, int) else f'"{p}"' if "." in p or p[:1].isdigit() else p for p in location]
    *table, key = parts
    return f"[{'.'.join(table).replace('.[', '[')}] {key}" if table else key


def _message(file: str, location: Sequence[int | str], kind: str, message: str) -> str:
    where = _where(location)
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"{file}: {where}: unknown key{nearest(str(location[-1]), _keys(_table_at(location[:-1])))}"
    if kind in ("missing", "missing_argument"):
        return f"{file}: {where}: the key is missing"
    if kind == "value_error":
        return f"{file}: {where}: it {message.removeprefix('Value error, ')}"
    return f"{file}: {where}: {message[0].lower()}{message[1:]}"


Defined = Callable[[str, str, str, Iterable[str]], None]


def _check(matrix: Matrix, file: str, environment: Mapping[str, str]) -> None:
    def defined(where: str, what: str, value: str, valid: Iterable[str]) -> None:
        if value and value not in valid:
            raise MatrixError(f"{file}: {where}: {unknown(what, value, valid)}")

    _check_lines(matrix, file, defined)
    _check_os_images(matrix, file, environment)  # before the cells, which have its values
    for name, feature in matrix.features.items():
        _check_feature(matrix, name, feature, defined)
    _check_layers(matrix, file, defined)
    _check_refusals(matrix, defined)
    for number, held in enumerate(matrix.held):
        defined(f"[[held]] number {number + 1}, line", "line", held.line, matrix.lines)
    _check_vex(matrix, file, defined)
    for cell in matrix.buildable:
        _check_conflicts(matrix, cell, file)
    for name, feature in matrix.features.items():
        for line in feature.lines:
            _check_line_versions(matrix, name, line, file, defined)
    _check_doubles(matrix, file)
    _check_templates(matrix)
    _check_aliases(matrix, file)
    _check_repositories(matrix, file)


def _check_lines(matrix: Matrix, file: str, defined: Defined) -> None:
    for name, stack in matrix.stacks.items():
        defined(f"[stacks.{name}] platform", "platform", stack.platform, PLATFORMS)
    for name, line in matrix.lines.items():
        defined(f'[lines."{name}"] stack', "stack", line.stack, matrix.stacks)
        defined(f'[lines."{name}"] platform', "platform", line.platform, PLATFORMS)
        for key, other in ((line.debian_number, "debian"), (line.debian, "debian-number")):
            if key and not getattr(line, other.replace("-", "_")):
                raise MatrixError(f'{file}: [lines."{name}"] {other}: set debian and debian-number together')
        for kind in line.budget_mb:
            defined(f'[lines."{name}"] budget-mb', "image", kind, matrix.images)
        for layer in line.unpacked_layer_mb:
            defined(f'[lines."{name}"] unpacked-layer-mb', "layer", layer, matrix.all_layers)
        if missing := [kind for kind in matrix.images if kind not in line.budget_mb]:
            raise MatrixError(f'{file}: [lines."{name}"] budget-mb: the figure for {", ".join(missing)} is missing')
    for version, spark in matrix.spark.items():
        defined(f'[spark."{version}"] line', "line", spark.line, matrix.lines)


def _check_os_images(matrix: Matrix, file: str, environment: Mapping[str, str]) -> None:
    """Raises UsageError if the variable of os-image is wrong, and MatrixError if the setting in the file is."""
    try:
        _ = matrix.os_images
    except ValueError as error:
        if (variable := f"{VARIABLES}OS_IMAGE") in environment:
            raise UsageError(f"{variable} {error}") from None
        raise MatrixError(f"{file}: [settings] os-image: it {error}") from None


def _check_feature(matrix: Matrix, name: str, feature: Feature, defined: Defined) -> None:
    table = f"[features.{name}]"
    for other in feature.combines_with:
        defined(f"{table} combines-with", "feature", other, matrix.features)
    for conflict in feature.conflicts:
        for other in conflict.features:
            defined(f"{table} conflicts", "feature", other, matrix.features)
    for layer in feature.layer_mb:
        defined(f"{table} layer-mb", "layer", layer, feature.layers)
    for line, of_line in feature.lines.items():
        defined(f"{table} lines", "line", line, matrix.lines)
        for layer in of_line.layer_mb:
            defined(f'[features.{name}.lines."{line}"] layer-mb', "layer", layer, feature.layers)
        for version in of_line.shims.bridges if of_line.shims else ():
            defined(f'[features.{name}.lines."{line}".shims] bridges', "Spark version", version, matrix.spark)


def _check_line_versions(matrix: Matrix, name: str, line: str, file: str, defined: Defined) -> None:
    """Raises MatrixError if a line has other versions than a feature needs there, or if the needed ones are unknown."""
    feature, table, versions = matrix.features[name], f'[features.{name}.lines."{line}"]', matrix.lines[line].versions
    if not (needed := feature.lines[line].line_versions):
        return
    own = feature.versions_of(line).get(name, "")
    if own not in needed:
        raise MatrixError(
            f"{file}: {table} line-versions: there is no entry for {name} {own}: add the versions that the line "
            f"must have with it, as for {', '.join(needed)}"
        )
    for key, version in needed[own].items():
        defined(f'{table} line-versions."{own}"', "version of the line", key, versions)
        if versions[key] != version:
            raise MatrixError(
                f'{file}: [lines."{line}"] versions: {key} is "{versions[key]}", but {name} {own} needs '
                f'"{version}": set it to that, or correct line-versions of {table}'
            )


def _check_layers(matrix: Matrix, file: str, defined: Defined) -> None:
    seen: dict[str, str] = {}
    tables = [
        ("layers", matrix.layers),
        ("servers", matrix.servers),
        *((f"features.{name}.layers", f.layers) for name, f in matrix.features.items()),
    ]
    for table, layers in tables:
        for folder, layer in layers.items():
            if folder in seen:
                raise MatrixError(f"{file}: [{table}.{folder}]: the layer also has the table [{seen[folder]}.{folder}]")
            seen[folder] = table
            for below in layer.extends:
                defined(f"[{table}.{folder}] extends", "layer", below, matrix.all_layers)
            for number, artefact in enumerate(layer.artefacts):
                where = f"[{table}.{folder}] artefacts[{number}]"
                defined(f"{where}.line", "line", artefact.line, matrix.lines)
                defined(f"{where}.since", "line", artefact.since, matrix.lines)
                if artefact.line and artefact.since:
                    raise MatrixError(f"{file}: {where}: set line or since, not both")


def _check_refusals(matrix: Matrix, defined: Defined) -> None:
    rules = [
        ("refusals", matrix.refusals),
        *((f"features.{n}.refusals", f.refusals) for n, f in matrix.features.items()),
    ]
    for table, refusals in rules:
        for number, refusal in enumerate(refusals):
            where = f"[[{table}]] number {number + 1},"
            defined(f"{where} image", "image", refusal.image, matrix.images)
            defined(f"{where} spark", "Spark version", refusal.spark, matrix.spark)
            defined(f"{where} line", "line", refusal.line, matrix.lines)
            defined(f"{where} variant", "variant", refusal.variant, matrix.variants)
            defined(f"{where} feature", "feature", refusal.feature, matrix.features)


def _check_vex(matrix: Matrix, file: str, defined: Defined) -> None:
    seen: dict[tuple[str, str, str], int] = {}
    for number, vex in enumerate(matrix.vex, start=1):
        where = f"[[vex]] number {number},"
        for line in vex.lines:
            defined(f"{where} lines", "line", line, matrix.lines)
        for feature in vex.features:
            defined(f"{where} features", "feature", feature, matrix.features)
        if problem := vex.contradiction:
            raise MatrixError(f"{file}: {where} {problem}")
        cells = [cell for cell in matrix.buildable if vex.concerns(cell.line, cell.features)]
        if not cells:
            raise MatrixError(f"{file}: {where} lines, features: no image matches both")
        for cell in cells:
            other = seen.setdefault((vex.vulnerability, vex.product, cell.key), number)
            if other != number:
                raise MatrixError(
                    f"{file}: {where} vulnerability: number {other} is also about {vex.vulnerability} of {vex.product} "
                    f"in {cell.key}: select other images with lines or features, or remove one"
                )


def _check_conflicts(matrix: Matrix, cell: Cell, file: str) -> None:
    """Raises MatrixError if a feature of the cell lists its versions as a conflict."""
    for name in cell.features:
        for conflict in matrix.features[name].conflicts:
            if conflict.strikes(cell.features, cell.values):
                together = ", ".join(f"{key} {cell.values[key]}" for key in conflict.when)
                together = together or " and ".join([name, *conflict.features])
                raise MatrixError(f"{file}: {cell.key} does not work with {together}: {conflict.reason}")


def _check_doubles(matrix: Matrix, file: str) -> None:
    for attribute in ("key", "name"):
        seen: dict[str, Cell] = {}
        for cell in matrix.cells:
            value = getattr(cell, attribute)
            if other := seen.get(value):
                raise MatrixError(
                    f'{file}: [images.{cell.image}] {attribute}: two cells have the value "{value}": {other.image} '
                    f"{other.spark} {other.variant} and {cell.image} {cell.spark} {cell.variant}"
                )
            seen[value] = cell


def _check_templates(matrix: Matrix) -> None:
    for cell in matrix.buildable:
        matrix.notes(cell)
        for feature in cell.features:
            fill(matrix.features[feature].usage, cell.values, f"[features.{feature}] usage")
        for label, template in cell.labels.items():
            fill(template, {**cell.values, "revision": "", "created": ""}, matrix.place_of_label(label, cell))
    for layer in matrix.all_layers:
        for cell in matrix.cells_with(layer):
            matrix.name_of(layer, cell)
            matrix.artefacts(layer, cell)
    _ = matrix.layer_budgets


SAMPLE = {"day": "20260101", "content": "0" * 12}
"""Values of an image, to check a template with."""


def _check_aliases(matrix: Matrix, file: str) -> None:
    seen = {matrix.tag(cell.name): cell for cell in matrix.buildable}
    for cell in matrix.buildable:
        immutable = matrix.immutable_tag(cell, SAMPLE) if matrix.aliases.immutable else ""
        for where, alias in [
            *([("[aliases] immutable", immutable)] if immutable else ()),
            *matrix.alias_templates(cell),
        ]:
            try:
                reference.alias(alias)
            except ValueError as error:
                raise MatrixError(f"{file}: {where}: the alias of {cell.key} {error}") from None
            other = seen.setdefault(f"{matrix.settings.registry}{alias}", cell)
            if other is not cell:
                raise MatrixError(
                    f'{file}: {where}: two cells have the reference "{alias}": {other.key} and {cell.key}: '
                    f"add {_difference(other, cell)} to the template"
                )


def _check_repositories(matrix: Matrix, file: str) -> None:
    """Raises MatrixError if an alias is in another repository than the signature of its image."""
    for cell in matrix.buildable if matrix.aliases.immutable else ():
        repository = matrix.immutable_tag(cell, SAMPLE).partition(":")[0]
        for where, alias in matrix.alias_templates(cell):
            if alias.partition(":")[0] != repository:
                raise MatrixError(
                    f'{file}: {where}: the alias of {cell.key} is "{alias}", but [aliases] immutable puts this image '
                    f'into the repository "{repository}", which has its signature: use the same one'
                )


def _difference(one: Cell, other: Cell) -> str:
    """Returns a value in braces that differs between two cells."""
    if one.image != other.image:
        return "{image}"
    if one.variant != other.variant:
        return "{suffix}"
    return "{line}" if one.line != other.line else "{spark}"
