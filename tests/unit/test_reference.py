"""The settings that are part of every image reference: the registry and the tag."""

import re

import pytest

from spark_images.errors import MatrixError, UsageError
from tests.unit.tree import Tree


@pytest.mark.parametrize(
    ("given", "registry"),
    [
        ("", ""),
        ("registry.example/team", "registry.example/team/"),
        ("registry.example/team/", "registry.example/team/"),
        ("registry.example", "registry.example/"),
        ("localhost:5000", "localhost:5000/"),
        ("registry.example:5000/a/b-c_d.e", "registry.example:5000/a/b-c_d.e/"),
        ("[::1]:5000/team", "[::1]:5000/team/"),
        ("10.0.0.1/team", "10.0.0.1/team/"),
        ("Registry.Example/team", "Registry.Example/team/"),
        ("team", "team/"),
    ],
)
def test_registry_ends_with_one_slash(tree: Tree, given: str, registry: str) -> None:
    reference = f"{registry}spark-k8s-app:latest"
    assert tree.matrix({"SPARK_IMAGES_REGISTRY": given}).tag("app") == reference
    assert tree.toml('registry = ""', f'registry = "{given}"').matrix().tag("app") == reference


MISTAKEN_REGISTRIES = [
    "/",
    "registry.example//",
    "registry.example//team",
    "/team",
    "https://registry.example/team",
    "registry.example/Team",
    "registry.example/my team",
    "registry.example/team:1.0",
    "registry.example:port/team",
    "registry.example:123456/team",
    "registry.example:65536/team",
    "-registry.example/team",
    "registry.example/team-",
    "registry.example/team\n",
    "registry..example/team",
    "user@registry.example/team",
    " registry.example",
    "::1/team",
]
EXPECTED_REGISTRY = 'expected the host, port and path of a registry, for example "registry.example:5000/team"'
MISTAKEN_TAGS = ["", "My Tag!", ".1", "-1", "a/b", "a:b", "a\n", "é", "t" * 129]
EXPECTED_TAG = 'at most 128 letters, digits, "_", "." and "-", not starting with "." or "-", for example "1.0"'


@pytest.mark.parametrize(
    ("setting", "given", "expected"),
    [
        *(("registry", given, EXPECTED_REGISTRY) for given in MISTAKEN_REGISTRIES),
        *(("tag", given, f"expected {EXPECTED_TAG}") for given in MISTAKEN_TAGS),
    ],
)
def test_invalid_registry_or_tag_is_an_error(tree: Tree, setting: str, given: str, expected: str) -> None:
    variable = f"SPARK_IMAGES_{setting.upper()}"
    with pytest.raises(UsageError) as raised:
        tree.matrix({variable: given})
    assert str(raised.value).startswith(f'{variable} is "{given}": {expected}')
    old = re.compile(f'^{setting} = ".*"$', re.MULTILINE).search((tree.root / "images.toml").read_text())
    assert old
    with pytest.raises(MatrixError) as raised_by_file:
        tree.toml(old[0], f"{setting} = '''{given}'''").matrix()
    assert str(raised_by_file.value).startswith(f'images.toml: [settings] {setting}: it is "{given}": {expected}')


@pytest.mark.parametrize("tag", ["latest", "1.0", "_a", "A-b.C_1", "t" * 128])
def test_valid_tag_is_used(tree: Tree, tag: str) -> None:
    assert tree.matrix({"SPARK_IMAGES_TAG": tag}).tag("app") == f"spark-k8s-app:{tag}"


@pytest.mark.parametrize(
    ("setting", "given", "near"),
    [
        ("registry", "https://registry.example/Team/", "registry.example/team"),
        ("registry", "registry.example//team//", "registry.example/team"),
        ("tag", "My Tag!", "My-Tag"),
        ("tag", "feature/x", "feature-x"),
    ],
)
def test_error_names_the_nearest_valid_value(tree: Tree, setting: str, given: str, near: str) -> None:
    with pytest.raises(UsageError) as raised:
        tree.matrix({f"SPARK_IMAGES_{setting.upper()}": given})
    assert str(raised.value).endswith(f' (did you mean "{near}"?)')


def test_valid_environment_overrides_an_invalid_file(tree: Tree) -> None:
    tree.toml('tag = "latest"', 'tag = "My Tag!"')
    assert tree.matrix({"SPARK_IMAGES_TAG": "mine"}).settings.tag == "mine"
