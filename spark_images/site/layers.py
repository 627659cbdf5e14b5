"""The page "Layer sizes": a bar for each layer, from docker/images/layers.json."""

from collections import Counter
from collections.abc import Iterator, Mapping

from spark_images.plan.project import Project
from spark_images.reports import catalogue
from spark_images.reports.measure import Layer, added, origins
from spark_images.reports.printing import megabytes

SMALLEST = 500_000
"""In bytes: a smaller layer would have no visible bar."""


RESULTS = "benchmarks/results"


def page(project: Project, measured: Mapping[str, Layer] | None = None) -> str:
    """Returns the page as Markdown. `measured` are the layers by their names; by default those of the catalogue.

    Raises SparkImagesError if docker/images/layers.json is not what `inv images.catalog` writes.
    """
    return "\n".join(_lines(project, catalogue.layers() if measured is None else measured)) + "\n"


def images_with(project: Project) -> Counter[str]:
    """Returns how many images contain each layer, by the layer's name."""
    graph = project.graph(project.matrix.buildable)
    return Counter(
        name for cell in project.matrix.buildable for name in set(origins(graph, graph.targets[cell.name])) if name
    )


def _lines(project: Project, measured: Mapping[str, Layer]) -> Iterator[str]:
    images = images_with(project)
    known = [measured[name] for name in images if name in measured]
    shown = sorted((layer for layer in known if layer.size >= SMALLEST), key=lambda layer: (-layer.size, layer.origin))
    stored = added(known)
    counted = sum(measured[name].size * times for name, times in images.items() if name in measured)
    yield "# Layer sizes"
    yield ""
    yield "`inv docs.build` writes this page from docker/images/layers.json, which `inv images.catalog` measures."
    yield ""
    yield f"The {len(project.matrix.buildable)} images share their layers. Together they take {megabytes(stored.size)}"
    yield f"unpacked and {megabytes(stored.compressed)} compressed with zstd. Without shared layers they would take"
    yield f"{megabytes(counted)} unpacked."
    yield ""
    yield "The pale part of a bar is the unpacked size, the solid part the compressed size."
    yield ""
    yield "| layer | | unpacked | compressed | images with it |"
    yield "| --- | --- | ---: | ---: | ---: |"
    for layer in shown:
        sizes = f"{megabytes(layer.size)} | {megabytes(layer.compressed)}"
        yield f"| `{layer.origin}` | {_bar(layer, shown[0].size)} | {sizes} | {images[layer.origin]} |"
    if small := len(known) - len(shown):
        yield from ("", f"{small} layers below {SMALLEST / 1e6} MB are omitted.")
    if missing := sorted(images.keys() - measured.keys()):
        names = ", ".join(f"`{name}`" for name in missing)
        yield from ("", f"Not measured yet: {names}. Build the images and run `inv images.catalog`.")
    yield from ("", "## Compared with the official recipe", "", f"![Chart: image sizes](../{RESULTS}/size.svg)", "")
    yield f"[The benchmark results](../{RESULTS}/README.md) explain the figures."


def _bar(layer: Layer, widest: int) -> str:
    size, packed = 100 * layer.size / widest, 100 * layer.compressed / max(layer.size, 1)
    inner = f'<span style="width: {min(packed, 100):.1f}%"></span>'
    return f'<span class="bar" aria-hidden="true"><span style="width: {size:.1f}%">{inner}</span></span>'
