"""Runs merge-spark-conf as the runtime Dockerfile does: it merges the Spark settings of an image's layers."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from spark_images import ROOT

SCRIPT = ROOT / "docker/base/toolchain/bin/merge-spark-conf"
DEFAULTS = "spark-defaults"

Merge = Callable[[], subprocess.CompletedProcess[str]]


class Layers:
    """The mounted folders of an image's layers, and the files that the script writes from them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "layers").mkdir()

    def add(self, layer: str, text: str, file: str = DEFAULTS, mount: str = "") -> "Layers":
        """Adds a layer with a fragment for a file. Mounts the layer under its own name, or under `mount`."""
        fragment = self.root / "layers" / (mount or layer) / f"opt/spark-conf/{file}.d/{layer}.conf"
        fragment.parent.mkdir(parents=True, exist_ok=True)
        fragment.write_text(text)
        return self

    def run(self) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(SCRIPT), str(self.root / "layers"), str(self.root / "out")]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def merged(self, file: str = DEFAULTS) -> str:
        """Runs the script, and returns the text of a file that it writes."""
        done = self.run()
        assert (done.returncode, done.stderr) == (0, "")
        texts = {
            (self.root / "out" / place / f"{file}.conf").read_text() for place in ("opt/spark/conf", "opt/spark-conf")
        }
        (text,) = texts  # both places have the same text
        return text

    def settings(self, file: str = DEFAULTS) -> dict[str, str]:
        """Runs the script, and returns the settings of a file. Asserts that the file has no key twice."""
        lines = [line for line in self.merged(file).splitlines() if line and line[0] != "#"]
        found = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}
        assert len(found) == len(lines)
        return found

    def refused(self) -> str:
        """Runs the script on settings that contradict, and returns the error. The script writes nothing then."""
        done = self.run()
        assert done.returncode == 1
        assert not (self.root / "out").exists()
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture
def layers(tmp_path: Path) -> Layers:
    return Layers(tmp_path)


def test_extensions_of_two_features_are_joined(layers: Layers) -> None:
    layers.add("a-lake", "spark.sql.extensions  lake.Extensions\n")
    layers.add("b-mill", "spark.sql.extensions  mill.Extensions,mill.More\n")
    assert layers.settings() == {"spark.sql.extensions": "lake.Extensions,mill.Extensions,mill.More"}


def test_lists_are_joined_in_the_order_of_the_layers_names(layers: Layers) -> None:
    """The order of the folders and of the mounts does not matter."""
    layers.add("b-mill", "spark.sql.extensions b.B\n", mount="1")
    layers.add("c-well", "spark.sql.extensions c.C\n", mount="0")
    layers.add("a-lake", "spark.sql.extensions a.A\n", mount="2")
    assert layers.settings() == {"spark.sql.extensions": "a.A,b.B,c.C"}


def test_value_that_two_layers_list_is_written_once(layers: Layers) -> None:
    layers.add("a", "spark.sql.extensions x.X, y.Y\n").add("b", "spark.sql.extensions y.Y,,z.Z\n")
    assert layers.settings() == {"spark.sql.extensions": "x.X,y.Y,z.Z"}


def test_list_of_one_layer_keeps_its_order(layers: Layers) -> None:
    """The plugin that checks for a device comes before RAPIDS."""
    layers.add("conf", "spark.x 1\n").add("gpu", "spark.plugins  z.Check,a.Plugin\n", "rapids")
    assert layers.settings("rapids") == {"spark.x": "1", "spark.plugins": "z.Check,a.Plugin"}


def test_two_values_of_a_key_that_is_not_a_list_are_an_error(layers: Layers) -> None:
    layers.add("a-lake", "spark.sql.shuffle.partitions 8\n").add("b-mill", "spark.sql.shuffle.partitions 16\n")
    assert layers.refused() == (
        'merge-spark-conf: spark.sql.shuffle.partitions is set to "8" by a-lake and "16" by b-mill: '
        "an image can have one value. Remove it from one of these layers\n"
    )


def test_equal_values_of_a_key_that_is_not_a_list_are_allowed(layers: Layers) -> None:
    layers.add("a", "spark.x 1\nspark.y 2\n").add("b", "spark.x = 1\n")
    assert layers.settings() == {"spark.x": "1", "spark.y": "2"}


def test_comments_are_kept(layers: Layers) -> None:
    layers.add("a", "# Why a.\nspark.a 1\n\n  # More.\n! Old style: x\nspark.sql.extensions a.A\n")
    layers.add("b", "# Why b.\nspark.sql.extensions b.B\n")
    assert layers.merged() == (
        "# Why a.\nspark.a 1\n\n  # More.\n! Old style: x\n\n"
        "# Why b.\n\n"
        "# Set by several layers.\nspark.sql.extensions  a.A,b.B\n"
    )


def test_a_comment_sets_nothing(layers: Layers) -> None:
    layers.add("a", "# spark.x 1\n  #spark.x 2\n! spark.x 3\n").add("b", "spark.x 4\n")
    assert "spark.x 4\n" in layers.merged()


def test_opt_in_file_contains_the_defaults(layers: Layers) -> None:
    layers.add("conf", "spark.x 1\nspark.sql.extensions a.A\n")
    layers.add("gpu", "spark.sql.extensions b.B\nspark.y 2\n", "rapids")
    assert layers.settings("rapids") == {"spark.x": "1", "spark.y": "2", "spark.sql.extensions": "a.A,b.B"}
    assert layers.settings() == {"spark.x": "1", "spark.sql.extensions": "a.A"}


def test_opt_in_files_are_separate(layers: Layers) -> None:
    layers.add("gpu", "spark.y 2\n", "rapids").add("gpu", "spark.y 3\n", "other")
    assert (layers.settings("rapids"), layers.settings("other")) == ({"spark.y": "2"}, {"spark.y": "3"})


def test_opt_in_file_that_contradicts_the_defaults_is_an_error(layers: Layers) -> None:
    layers.add("conf", "spark.x 1\n").add("gpu", "spark.x 2\n", "rapids")
    assert 'spark.x is set to "1" by conf and "2" by gpu' in layers.refused()


def test_one_layer_can_have_a_default_and_an_opt_in_file(layers: Layers) -> None:
    """Lists in both files are joined. A contradiction is an error, as between two layers."""
    layers.add("gpu", "spark.plugins a.A\n").add("gpu", "spark.plugins b.B\n", "rapids")
    assert layers.settings("rapids") == {"spark.plugins": "a.A,b.B"}
    layers.add("gpu", "spark.x 1\n").add("gpu", "spark.x 2\n", "rapids")
    (layers.root / "out").rename(layers.root / "before")
    assert 'spark.x is set to "1" by gpu and "2" by gpu in rapids.conf' in layers.refused()


@pytest.mark.parametrize("separator", ["=", ":", " ", "\t", " = ", " : ", "   ", "= "])
def test_separators_between_a_key_and_its_value(layers: Layers, separator: str) -> None:
    layers.add("a", f"  spark.sql.extensions{separator}a.A  \n").add("b", "spark.sql.extensions b.B\n")
    assert layers.settings() == {"spark.sql.extensions": "a.A,b.B"}


def test_separator_inside_a_value_is_part_of_the_value(layers: Layers) -> None:
    layers.add("a", "spark.x -Da=b:c\n").add("b", "spark.x=-Da=b:c\n")
    assert layers.settings() == {"spark.x": "-Da=b:c"}


def test_key_that_a_fragment_sets_twice_is_an_error(layers: Layers) -> None:
    layers.add("a", "spark.x 1\nspark.x 2\n")
    assert layers.refused() == 'merge-spark-conf: a sets spark.x twice: "1" and "2"\n'


@pytest.mark.parametrize("key", ["spark.x", "spark.y"])
def test_key_without_a_value_has_an_empty_value(layers: Layers, key: str) -> None:
    layers.add("a", f"{key}\n").add("b", "spark.x 1\n")
    if key == "spark.x":
        assert 'spark.x is set to "" by a and "1" by b' in layers.refused()
    else:
        assert layers.merged() == "spark.y\n\nspark.x 1\n"


def test_value_that_continues_on_the_next_line_is_an_error(layers: Layers) -> None:
    layers.add("a", "# A comment may end so: \\\nspark.sql.extensions a.A,\\\n  a.B\n")
    assert layers.refused() == (
        'merge-spark-conf: a: "spark.sql.extensions a.A,\\" continues on the next line: '
        "write each setting on one line\n"
    )


def test_layers_without_fragments_give_empty_settings(layers: Layers) -> None:
    """The layer of a feature that is off is an empty folder."""
    (layers.root / "layers/off").mkdir()
    assert layers.merged().strip() == ""
    assert [file.name for file in (layers.root / "out/opt/spark/conf").iterdir()] == ["spark-defaults.conf"]


def test_other_files_of_a_layer_are_ignored(layers: Layers) -> None:
    layers.add("a", "spark.x 1\n")
    (layers.root / "layers/a/opt/spark-conf/log4j2.properties").write_text("spark.x 2\n")
    (layers.root / "layers/a/opt/spark-conf/spark-defaults.d/README").write_text("spark.x 3\n")
    assert layers.settings() == {"spark.x": "1"}


def test_java_options_are_joined_by_spaces(layers: Layers) -> None:
    """An option can be two words, so the second --add-opens does not repeat the first."""
    layers.add("a", "spark.driver.extraJavaOptions --add-opens java.base/a=ALL -Dx=1\n")
    layers.add("b", "spark.driver.extraJavaOptions --add-opens java.base/b=ALL\n")
    assert layers.settings() == {
        "spark.driver.extraJavaOptions": "--add-opens java.base/a=ALL -Dx=1 --add-opens java.base/b=ALL"
    }


def test_equal_java_options_are_written_once(layers: Layers) -> None:
    layers.add("a", "spark.executor.extraJavaOptions -Dx=1 -Dy=2\n")
    layers.add("b", "spark.executor.extraJavaOptions -Dx=1 -Dy=2\n")
    assert layers.settings() == {"spark.executor.extraJavaOptions": "-Dx=1 -Dy=2"}


def test_class_paths_are_joined_by_colons(layers: Layers) -> None:
    layers.add("a", "spark.driver.extraClassPath /a/*:/b\n").add("b", "spark.driver.extraClassPath /b:/c,d\n")
    assert layers.settings() == {"spark.driver.extraClassPath": "/a/*:/b:/c,d"}


def test_two_layers_with_fragments_of_the_same_name_are_an_error(layers: Layers) -> None:
    layers.add("a", "spark.x 1\n", mount="one").add("a", "spark.y 2\n", mount="two")
    assert layers.refused() == (
        "merge-spark-conf: one and two bring spark-defaults.d/a.conf: name the fragment after its layer\n"
    )


def test_fragment_that_is_mounted_twice_is_written_once(layers: Layers) -> None:
    layers.add("a", "spark.x 1\n", mount="one").add("a", "spark.x 1\n", mount="two")
    assert layers.settings() == {"spark.x": "1"}
