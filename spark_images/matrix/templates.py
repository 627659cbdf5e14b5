"""Templates: texts with names of values in braces."""

from collections.abc import Mapping
from pathlib import Path
from string import Formatter

from spark_images.errors import MatrixError, unknown


def fill(template: str, values: Mapping[str, str], where: str | Path) -> str:
    """Returns `template` with the names in braces replaced by their values.

    Raises MatrixError for a name without a value and for unbalanced braces. The message begins with
    `where`: a place in images.toml, or the path of another file.
    """
    place = str(where) if isinstance(where, Path) else f"images.toml: {where}"
    try:
        names = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
        for name in names:
            if name not in values:
                raise MatrixError(f"{place}: {unknown('value', '{' + name + '}', sorted(values))}")
        return template.format_map(values)
    except ValueError as error:
        raise MatrixError(f'{place}: "{template}" is not a valid template: {error}') from None
