"""Texts with values in braces."""

from collections.abc import Mapping
from string import Formatter

from spark_images.errors import MatrixError, unknown


def fill(template: str, values: Mapping[str, str], where: str) -> str:
    """Returns `template` with the values in its braces.

    Raises MatrixError, naming `where` it stands, for a name in braces that has no value, or braces that do not match.
    """
    try:
        names = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
        for name in names:
            if name not in values:
                raise MatrixError(f"images.toml: {where}: {unknown('value', '{' + name + '}', sorted(values))}")
        return template.format_map(values)
    except ValueError as error:
        raise MatrixError(f'images.toml: {where}: "{template}" is no template: {error}') from None
