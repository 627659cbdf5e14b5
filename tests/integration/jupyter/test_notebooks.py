"""Runs notebooks through the server, cell by cell, as JupyterLab does: the starters and the features of the kernel."""

import contextlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from docker.types import DeviceRequest

from spark_images import ROOT
from spark_images.matrix.model import GPU, Cell
from spark_images.plan.project import Project
from tests.integration.conftest import Image, network
from tests.integration.jupyter.server import Kernel, Output, Server, serve
from tests.integration.servers import KEYS, PROFILE, S3


@pytest.fixture(scope="module")
def kernel(server: Server) -> Iterator[Kernel]:
    """Yields a kernel with a Spark session."""
    with server.kernel("mine.ipynb") as running:
        session = running.run(
            "from pyspark.sql import SparkSession, functions as f\nspark = SparkSession.builder.getOrCreate()\nspark"
        )
        assert not session.error
        yield running


def leftovers(server: Server) -> list[str]:
    """Returns the Java processes and the temporary folders of Spark in the container."""
    script = "pgrep java; find /tmp -name 'blockmgr-*' -o -name 'spark-*'"
    return sorted(server.inside("bash", "-c", script)[1].split())


def starters(server: Server) -> list[str]:
    return sorted(entry["name"] for entry in server.json("/api/contents/starters")["content"])


@pytest.mark.own_layers
@pytest.mark.smoke
def test_starters_are_those_of_the_cell(server: Server, project: Project, cell: Cell) -> None:
    layers = ["notebook", *(layer for name in cell.features for layer in project.matrix.features[name].layers)]
    folders = [ROOT / project.recipes.by_name[layer].folder / "starters" for layer in layers]
    assert starters(server) == sorted(file.name for folder in folders for file in folder.glob("*.ipynb"))


@pytest.mark.own_layers
@pytest.mark.smoke
def test_kernel_uses_the_spark_of_the_image(kernel: Kernel, image: Image) -> None:
    found = kernel.run("import pyspark; print(spark.version, pyspark.__version__, spark.sparkContext.master)").text
    version = image.labels["spark-images.spark"]
    assert found.split()[-3:] == [version, version, "local[*]"]


@pytest.mark.smoke
def test_notebook_displays_tables_and_plots(kernel: Kernel) -> None:
    table = kernel.run("spark.range(3).withColumn('square', f.col('id') * f.col('id'))")
    assert "<td>2</td><td>4</td>" in table.html
    plot = kernel.run("import matplotlib.pyplot as plot\nplot.plot([1, 2, 4]);")
    assert plot.mime("image/png")


def test_progress_is_displayed_until_the_cell_has_finished(kernel: Kernel) -> None:
    code = "import time\nspark.sparkContext.parallelize(range(4), 4).map(lambda n: time.sleep(1)).count()"
    shown = kernel.run(code).mime("text/html")
    assert any('<progress max="4"' in html for html in shown[:-1])
    assert re.search(r"Finished in \d+ s: 4 tasks ·", shown[-1])
    assert "<progress" not in shown[-1]


def test_progress_of_a_failed_job_says_so(kernel: Kernel) -> None:
    code = "spark.sparkContext.parallelize([1], 1).map(lambda n: time.sleep(2) or n / 0).count()"
    output = kernel.run(f"import time\n{code}")
    assert "ZeroDivisionError" in output.error
    assert re.search(r"Finished in \d+ s: 0 tasks, failed jobs: 1 ·", output.mime("text/html")[-1])


@pytest.mark.smoke
def test_spark_ui_is_reached_through_the_server(server: Server, kernel: Kernel) -> None:
    link = kernel.run("spark").html
    path = link.partition('href="')[2].partition('"')[0]
    status, page = server.request(path)
    assert status == 200
    assert "Spark Jobs" in page
    # The links and files of the page also go through the server.
    prefix = path.removesuffix("jobs/")
    assert f'href="{prefix}stages/"' in page
    style = page.partition(f'href="{prefix}static/')[2].partition('"')[0]
    assert style.endswith(".css")
    assert server.request(f"{prefix}static/{style}")[0] == 200


@pytest.mark.smoke
def test_sql_error_is_displayed_once(kernel: Kernel) -> None:
    found = kernel.run("spark.sql('SELEKT 1')")
    assert "ParseException" in found.error
    assert "SQLQueryContextLogger" not in found.text


def test_starter_dataframes_and_sql_runs_and_leaves_nothing(server: Server) -> None:
    """When the kernel ends, its JVM and temporary files must be gone. They would fill the container."""
    before = leftovers(server)
    session, table, month, plot = server.execute("starters/1-dataframes-and-sql.ipynb")
    assert leftovers(server) == before
    assert "Spark UI" in session.html
    assert "<td>2026-01-01</td>" in table.html
    assert month.html.count("<tr>") == 5
    assert plot.mime("image/png")


def test_starter_pandas_api_runs(server: Server) -> None:
    outputs = server.execute("starters/2-pandas-api.ipynb")
    assert "Graz" in outputs[-1].html
    assert any(output.mime("image/png") for output in outputs)


@pytest.mark.thorough
def test_starter_s3_runs_with_keys_of_the_environment(image: Image, s3: S3) -> None:
    check_s3(image, s3, KEYS)


@pytest.mark.shared
def test_starter_s3_runs_with_a_mounted_credentials_file(image: Image, s3: S3) -> None:
    with image.volume({"credentials": PROFILE}) as keys:
        check_s3(image, s3, {}, volumes={keys: {"bind": "/home/spark/.aws", "mode": "ro"}})


def check_s3(image: Image, s3: S3, keys: Mapping[str, str], **options: Any) -> None:
    environment = {"BUCKET": "data", "AWS_ENDPOINT_URL": s3.named, **keys}
    with serve(image, environment=environment, network=s3.network, **options) as running:
        *_, east, files = running.execute("starters/4-s3.ipynb")
    assert "<td>east</td><td>5000</td><td>9.0</td>" in east.html
    assert "s3a://data/starters/sales/region=west/part-" in files.everything


@pytest.mark.own_layers
def test_iceberg(server: Server, cell: Cell) -> None:
    if "iceberg" not in cell.features:
        pytest.skip("not an Iceberg image")
    _, merged, first, plot = server.execute("starters/iceberg.ipynb")
    assert "<td>2</td><td>wok</td>" in merged.html
    assert "<td>2</td><td>pan</td>" in first.html
    assert plot.mime("image/png")
    _, lake = server.inside("ls", "/opt/spark/work-dir/lake/shop/items")
    assert lake.split() == ["data", "metadata"]


@pytest.mark.own_layers
@pytest.mark.thorough
def test_starter_iceberg_on_s3_uses_a_catalogue_without_keys_of_s3(request: pytest.FixtureRequest, cell: Cell) -> None:
    if cell.features != ("iceberg",):
        pytest.skip("only the image with no other feature than Iceberg runs this notebook")
    image, catalogue = request.getfixturevalue("image"), request.getfixturevalue("nessie")
    environment = {"CATALOGUE_URI": catalogue.uri, "CATALOGUE_TOKEN": catalogue.token}
    with serve(image, environment=environment, network=catalogue.s3.network) as running:
        _, table, files = running.execute("starters/iceberg-on-s3.ipynb")
    assert "<td>2</td><td>pan</td><td>28.0</td>" in table.html
    assert "'s3://data/rest/starters/items" in files.everything


@pytest.mark.own_layers
@pytest.mark.thorough
def test_starter_delta_changes_a_table_and_reads_its_earlier_version(server: Server, cell: Cell) -> None:
    if "delta" not in cell.features:
        pytest.skip("not a Delta Lake image")
    _, merged, history, before = server.execute("starters/delta.ipynb")
    assert "<td>2</td><td>wok</td>" in merged.html
    assert history.html.count("<td>MERGE</td>") == history.html.count("<td>WRITE</td>") == 1
    assert "<td>2</td><td>pan</td>" in before.html
    assert "wok" not in before.html


@pytest.mark.own_layers
@pytest.mark.smoke
def test_starter_comet_shows_both_plans_of_a_query(server: Server, cell: Cell) -> None:
    if "comet" not in cell.features:
        pytest.skip("not a Comet image")
    *_, compared, plans = server.execute("starters/comet.ipynb")
    assert "equal: True; Spark " in compared.text
    left, right = ([line[start : start + 60] for line in plans.text.splitlines()] for start in (0, 61))
    assert any("HashAggregate" in operator for operator in left)
    assert not any("Comet" in operator for operator in left)
    assert any("CometHashAggregate" in operator for operator in right)


@pytest.mark.own_layers
@pytest.mark.smoke
def test_comet_in_an_image_without_it_is_an_error(server: Server, cell: Cell) -> None:
    if "comet" in cell.features:
        pytest.skip("a Comet image")
    with server.kernel("comet.ipynb") as running:
        error = running.run("from spark_notebook import comet\ncomet()").error
    assert error.startswith("RuntimeError: this image has no Comet: use the image of the same Spark version")


@pytest.mark.own_layers
@pytest.mark.smoke
def test_starter_rapids_plans_for_the_gpu(server: Server, cell: Cell) -> None:
    if GPU not in cell.features:
        pytest.skip("not a GPU image")
    *_, plan, counts = server.execute("starters/rapids.ipynb")
    assert "*Exec <HashAggregateExec> will run on GPU" in plan.text
    assert "because GPU does not currently support the operator class" in plan.text
    assert int(counts.text.split()[0]) > 0


@pytest.mark.own_layers
@pytest.mark.smoke
def test_rapids_without_a_device_or_a_gpu_image_is_an_error(server: Server, cell: Cell) -> None:
    with server.kernel("rapids.ipynb") as running:
        error = running.run("from spark_notebook import rapids\nrapids()").error
    if GPU in cell.features:
        assert error.startswith("RuntimeError: this container has no CUDA device (/dev/nvidiactl): start it with the")
    else:
        assert error.startswith("RuntimeError: this image has no RAPIDS: use the image of the same Spark version")


@pytest.mark.own_layers
@pytest.mark.device
def test_rapids_runs_on_a_device(image: Image, cell: Cell) -> None:
    if GPU not in cell.features:
        pytest.skip("not a GPU image")
    devices = [DeviceRequest(count=-1, capabilities=[["gpu"]])]
    with serve(image, device_requests=devices) as running, running.kernel() as on_device:
        on_device.run("from pyspark.sql import SparkSession, functions as f\nfrom spark_notebook import rapids")
        on_device.run("spark = SparkSession.builder.config(map=rapids()).getOrCreate()")
        on_device.run("query = spark.range(1000).groupBy((f.col('id') % 10).alias('k')).count()")
        found = on_device.run(
            "rows = query.collect(); print('Gpu' in query._jdf.queryExecution().executedPlan().toString())"
        )
    assert found.text.split()[-1] == "True"


def test_starter_spark_connect_runs_with_a_local_server(server: Server, image: Image) -> None:
    check_connect(server.execute("starters/3-spark-connect.ipynb"), image)


def test_starter_spark_connect_runs_with_a_remote_server(image: Image) -> None:
    with serve_with_connect(image) as running:
        check_connect(running.execute("starters/3-spark-connect.ipynb"), image)
        assert running.inside("pgrep", "java") == (1, "")


def check_connect(outputs: list[Output], image: Image) -> None:
    session, table, udf = outputs
    assert session.mime("text/plain")[-1] == f"('pyspark.sql.connect.session', '{image.labels['spark-images.spark']}')"
    assert "<td>5</td><td>25</td>" in table.html
    assert "<td>even</td>" in udf.html


@contextlib.contextmanager
def serve_with_connect(image: Image) -> Iterator[Server]:
    """Yields a notebook server. SPARK_REMOTE names a Spark Connect server in another container."""
    with network() as name, image.start("connect", name=f"{name}-connect", network=name) as connect_server:
        host = str(connect_server.container.name)
        with serve(image, environment={"SPARK_REMOTE": f"sc://{host}:15002"}, network=name) as running:
            wait_for_connect(host, running)
            yield running


def wait_for_connect(name: str, server: Server) -> None:
    """Waits until the Spark Connect server accepts connections."""
    script = f"import socket; socket.create_connection(('{name}', 15002), 1)"
    deadline = time.monotonic() + 90
    while server.inside("python", "-c", script)[0]:
        assert time.monotonic() < deadline, "the Spark Connect server did not accept a connection within 90 s"
        time.sleep(0.5)


SETTINGS = """
import json
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print("RESULT " + json.dumps(dict(spark.sparkContext.getConf().getAll())))
"""


@pytest.mark.own_layers
def test_settings_of_the_user_override_the_image(image: Image, extensions: set[str]) -> None:
    """A user's master, submit options and configuration override the image. Other settings keep the image's values."""
    own = "spark.sql.repl.eagerEval.enabled  false\nspark.sql.catalog.lake.type  rest\n"
    environment = {
        "SPARK_CONF_DIR": "/opt/spark/work-dir/conf",
        "SPARK_MASTER": "local[1]",
        "PYSPARK_SUBMIT_ARGS": "--conf spark.ui.port=4050 --conf 'spark.app.name=two words'",
    }
    files = {"/opt/spark/work-dir/conf/spark-defaults.conf": own}
    with serve(image, environment=environment, files=files) as running, running.kernel() as own_kernel:
        printed = own_kernel.run(SETTINGS).text
    found = json.loads(printed.partition("RESULT ")[2].splitlines()[0])
    assert found["spark.master"] == "local[1]"
    assert found["spark.app.name"] == "two words"
    assert found["spark.ui.port"] == "4050"
    assert found["spark.sql.repl.eagerEval.enabled"] == "false"
    # The user defines this catalogue, so no setting of the image's catalogue may be mixed into it.
    assert "spark.sql.catalog.lake.warehouse" not in found
    assert set(filter(None, found.get("spark.sql.extensions", "").split(","))) == extensions
