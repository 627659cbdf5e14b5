"""A small project with two of everything: stacks, lines, kinds, features and reasons for a refusal.

It uses the names that the code depends on: the kinds spark and jupyter, and the feature gpu.
"""

from spark_images.recipes.locks import Entry

TOML = """
[settings]
registry = ""
tag = "latest"
os-image = ""
source = ""
documentation = ""
vendor = ""
min-free-disk-gb = 10
class-archive = true

[stacks.old]
platform = "linux/amd64"
debian = "bookworm"
debian-number = "12"
java = "17"
python = "3.11"

[stacks.new]
platform = "linux/amd64"
debian = "trixie"
debian-number = "13"
java = "21"
python = "3.13"

[lines."9"]
stack = "old"
scala = "2.13"
hadoop = "3.4"
budget-mb = { spark = 100, jupyter = 150 }
end-of-life = 2027-06-30
end-of-life-source = "https://spark.example/policy"

[lines."10"]
stack = "new"
scala = "3"
hadoop = "4.0"
budget-mb = { spark = 120, jupyter = 170 }
end-of-life = 2027-06-30
end-of-life-source = "https://spark.example/policy"

[spark."9.0"]
line = "9"
released = 2026-01-02

[spark."9.1"]
line = "9"
released = 2026-01-02

[spark."10.0"]
line = "10"
released = 2026-01-02

[images.spark]
title = "Spark {spark}"
name = "spark-{spark}{suffix}"
key = "{spark}-{variant}"

[images.jupyter]
title = "Jupyter on Spark {spark}"
name = "jupyter-{spark}{suffix}"
key = "jupyter-{spark}-{variant}"

[aliases]
immutable = "k8s-{image}:{spark}{suffix}-{day}-{content}"
every-cell = ["k8s-{image}:{spark}-scala{scala}-debian{debian_number}{suffix}"]
newest-of-line = ["k8s-{image}:{line}{suffix}", "k8s-{image}:{line}-java{java}{suffix}"]

[budgets]
registry-ratio = 0.5
layer-mb = 300

[labels]
"version" = "{spark}{suffix}"
"source" = "{source}"
"revision" = "{revision}"
"scala" = "{scala}"
"cell" = "{key}"

[layers.rootfs]
name = "rootfs-{debian}"

[layers.os]
name = "os-{debian}"

[layers.tools]
name = "tools-{debian}-java{java}"

[layers.jdk]
name = "jdk-{java}"

[layers.sealer]
any-stack = true

[layers.conf]
any-stack = true

[layers.deps]
name = "deps-{python}"
any-stack = true

[layers.distribution]
name = "distribution-{spark}"
artefacts = [
    { coordinate = "spark=={spark}", licence = "MIT" },
    { coordinate = "org.apache.spark:connect_{scala}:9.0", licence = "MIT", line = "9" },
]

[layers.core]
name = "core-{spark}"

[layers.drivers]
any-stack = true

[[layers.drivers.artefacts]]
coordinate = "org.first:first-jdbc:1.0"
link = "first"
driver = "org.first.Driver"
url = "jdbc:first://host"
tested = "First 1"
licence = "BSD"

[[layers.drivers.artefacts]]
coordinate = "com.second:second-jdbc:2.0-1"
link = "second"
driver = "com.second.Driver"
url = "jdbc:second://host"
licence = "Second"
terms = "ask them"

[layers.book]
any-stack = true

[features.gpu]
title = "Accelerator {rapids} ({rapids_level}), CUDA {cuda}"
note = "{rapids_support}"
usage = "Turn it on."
combines-with = ["lake"]
versions = { cuda = "1.2" }
disk-gb = 25
size-mb = 10
layer-mb = { gpu-deps = 400 }
labels = { "rapids" = "{rapids}" }

[features.gpu.lines."9"]
versions = { rapids = "5.0" }
size-mb = 40
layer-mb = { gpu-jars = 500 }

[features.gpu.lines."9".shims]
native = ["9.0"]
bridges."9.1" = { shim = "9.0", native-from = "6.0" }

[features.gpu.lines."10"]
versions = { rapids = "6.0" }
size-mb = 50
layer-mb = { gpu-jars = 600 }

[features.gpu.lines."10".shims]
native = ["10.0"]

[[features.gpu.refusals]]
image = "jupyter"
line = "9"
variant = "gpu-lake"
reason = "the accelerator of line 9 reads no lake"

[[features.gpu.conflicts]]
features = ["lake"]
when = { rapids = "6", lake = "2" }
reason = "every query throws"

[features.gpu.layers.cuda]
name = "cuda-{cuda}-{debian}"

[features.gpu.layers.gpu-deps]
name = "gpu-deps-{python}"
any-stack = true
extends = ["deps"]

[features.gpu.layers.gpu-jars]
name = "gpu-jars-{line}"

[features.lake]
title = "Lake {lake}"
usage = "Name a lake for {spark}."
size-mb = 20
labels = { "lake" = "{lake}" }

[features.lake.lines."9"]
versions = { lake = "1.0" }

[features.lake.lines."10"]
versions = { lake = "1.1" }

[features.lake.layers.lake-deps]
name = "lake-deps-{python}"
any-stack = true
extends = ["deps"]

[features.lake.layers.lake-jars]
name = "lake-jars-{line}"
artefacts = [{ coordinate = "group:lake_{scala}:{lake}", licence = "MIT" }]

[features.lake.layers.lake-book]
any-stack = true
"""

_MADE = "FROM tools AS files\nARG LAYER_EPOCH\nRUN make\nFROM scratch\nCOPY --from=files /layer /\n"
_SEALED = "FROM sealer AS files\nRUN seal\nFROM scratch\nCOPY --from=files /layer /\n"
_FETCHED = _MADE.replace("RUN make", "ARG ARTEFACTS\nARG LINKS\nRUN fetch")

DOCKERFILES = {
    "base/rootfs": "FROM scratch\nADD rootfs.tar /\n",
    "base/os": "FROM rootfs\nARG LAYER_EPOCH\n",
    "base/tools": "FROM os\nARG JAVA_VERSION\n",
    "base/sealer": "FROM os\n",
    "base/jdk": _MADE.replace("RUN make", "ARG JAVA_VERSION\nRUN jlink"),
    "base/cuda": "FROM tools AS files\nRUN make\nFROM os\nARG CUDA_VERSION\nCOPY --link --from=files /layer /\n",
    "intermediate/conf": _SEALED,
    "intermediate/deps": _MADE,
    "intermediate/distribution": _FETCHED,
    "intermediate/core": _MADE.replace("RUN make", "COPY --from=distribution / /"),
    "intermediate/drivers": _FETCHED,
    "intermediate/book": _SEALED,
    "intermediate/gpu-deps": _MADE,
    "intermediate/gpu-jars": _MADE,
    "intermediate/lake-deps": _MADE,
    "intermediate/lake-jars": _FETCHED,
    "intermediate/lake-book": _SEALED,
    "runtime/spark": """
ARG ENABLE_GPU=false
ARG ENABLE_LAKE=false
FROM os AS ground-false
FROM scratch AS gpu-packages-false
FROM scratch AS gpu-false
FROM scratch AS lake-packages-false
FROM scratch AS lake-false
FROM cuda AS ground-true
FROM gpu-deps AS gpu-packages-true
FROM gpu-jars AS gpu-true
FROM lake-deps AS lake-packages-true
FROM lake-jars AS lake-true
FROM gpu-packages-${ENABLE_GPU} AS gpu-packages
FROM gpu-${ENABLE_GPU} AS gpu
FROM lake-packages-${ENABLE_LAKE} AS lake-packages
FROM lake-${ENABLE_LAKE} AS lake
FROM tools AS settings
RUN --mount=type=bind,from=conf,target=/layers/conf --mount=type=bind,from=lake,target=/layers/lake merge
FROM ground-${ENABLE_GPU}
COPY --link --from=jdk / /
COPY --link --from=deps / /
COPY --link --from=drivers / /
COPY --link --from=gpu-packages / /
COPY --link --from=gpu / /
COPY --link --from=core / /
COPY --link --from=conf / /
COPY --link --from=lake-packages / /
COPY --link --from=lake / /
COPY --link --from=settings /layer /
""",
    "runtime/jupyter": """
ARG ENABLE_LAKE=false
FROM scratch AS lake-false
FROM lake-book AS lake-true
FROM lake-${ENABLE_LAKE} AS lake
FROM spark
COPY --link --from=book / /
COPY --link --from=lake / /
""",
}

REQUIREMENTS = {
    ".": "tool\n",
    "docker/intermediate/deps": "pandas\n",
    "docker/intermediate/gpu-deps": "gpu-package=={cuda}.*\n",
    "docker/intermediate/lake-deps": "lake-package\n",
}
"""The content of each requirements.in, by folder."""

PINS = {"deps": "pandas==2.0", "gpu-deps": "gpu-package==1.2.3", "lake-deps": "lake-package==4.0"}
"""The pins in the lock of each layer."""


def entry(number: int) -> Entry:
    """Returns a lock entry with a hash that is unique for each number."""
    return Entry(f"{number:064x}", number)


LOCKS = {
    "distribution": {
        "spark==9.0": entry(1),
        "spark==9.1": entry(2),
        "spark==10.0": entry(3),
        "org.apache.spark:connect_2.13:9.0": entry(4),
    },
    "drivers": {"org.first:first-jdbc:1.0": entry(5), "com.second:second-jdbc:2.0-1": entry(6)},
    "lake-jars": {"group:lake_2.13:1.0": entry(7), "group:lake_3:1.1": entry(8)},
}
