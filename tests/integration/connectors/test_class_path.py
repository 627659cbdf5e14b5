"""Each image has one AWS SDK: no class is in two jars, and all modules of a generation have one version."""

from typing import Any

import pytest

from spark_images.matrix.model import Cell
from tests.integration.conftest import Service

pytestmark = [pytest.mark.smoke, pytest.mark.own_layers]

SCRIPT = """
import collections, glob, json, re, zipfile
properties = re.compile(r"META-INF/maven/(software.amazon.awssdk|com.amazonaws)/([^/]*)/pom.properties")
jars, versions = collections.defaultdict(list), collections.defaultdict(set)
for path in sorted(glob.glob("/opt/spark/jars/*.jar")):
    with zipfile.ZipFile(path) as jar:
        for name in jar.namelist():
            if re.match(r"(software/amazon/awssdk|com/amazonaws)/.*[.]class$", name):
                jars[name].append(path.rpartition("/")[2])
            if module := properties.match(name):
                text = jar.read(name).decode()
                # Other projects of Amazon have names and versions of their own.
                if module[1] != "com.amazonaws" or module[2].startswith("aws-java-sdk"):
                    versions[module[1]].update(re.findall(r"^version=(.*?)\\s*$", text, re.MULTILINE))
twice = sorted({" and ".join(where) for where in jars.values() if len(where) > 1})
found = {group: sorted(numbers) for group, numbers in versions.items()}
print("RESULT", json.dumps({"classes": len(jars), "twice": twice, "versions": found}))
"""


@pytest.fixture(scope="module")
def found(shell: Service) -> Any:
    return shell.run("python3", "-c", SCRIPT).json()


def test_no_class_of_the_aws_sdk_is_in_two_jars(found: Any) -> None:
    assert found["classes"] > 1000
    assert found["twice"] == []


def test_all_modules_of_the_aws_sdk_have_the_version_of_the_line(found: Any, cell: Cell) -> None:
    """S3A of Spark 3.5 needs version 1, and Iceberg needs version 2. Their classes have different packages."""
    expected = {"com.amazonaws" if cell.values["aws_sdk"].startswith("1.") else "software.amazon.awssdk"}
    for group in expected:
        assert found["versions"].pop(group) == [cell.values["aws_sdk"]]
    assert set(found["versions"]) == ({"software.amazon.awssdk"} - expected if "iceberg" in cell.features else set())
    assert all(len(versions) == 1 for versions in found["versions"].values())
