"""Compares package URLs."""

from packageurl import PackageURL


def names(wanted: str, purl: str) -> bool:
    """Returns whether the package URL `wanted` names the component with the package URL `purl`.

    Without a version, `wanted` names each version. The component can have more qualifiers. A text that is not a package
    URL names nothing.
    """
    try:
        one, other = PackageURL.from_string(wanted), PackageURL.from_string(purl)
    except ValueError:
        return False
    return (
        (one.type, one.namespace, one.name) == (other.type, other.namespace, other.name)
        and one.version in (None, "", other.version)
        and one.qualifiers.items() <= other.qualifiers.items()
    )
