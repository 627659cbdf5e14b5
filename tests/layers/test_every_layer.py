"""Searches the layers of all images in one pass, because an engine saves only whole images, and slowly.

The sessions of the cells then find that their layers were searched (tests/integration/common/test_layers.py).
"""

import pytest

from spark_images.engine import daemon
from spark_images.plan.project import load_project
from tests.integration.layers import Found, Searched, holder, marks, names_by_digest, search, smallest


def test_no_layer_contains_anything_of_the_build_machine() -> None:
    if not names_by_digest():
        pytest.skip("this engine does not name layers by digest, so the session of each cell searches its own layers")
    matrix = load_project(locked=False).matrix
    references = [matrix.tag(cell.name) for cell in matrix.buildable]
    images = [holder(reference, daemon.client().images.get(reference).attrs) for reference in references]
    own = marks()
    searched = Searched.of(own)
    with searched.alone():
        missing = {layer for image in images for layer in image.layers if searched.files(layer) is None}
        found = search(smallest(missing, images), missing, own) if missing else Found()
        assert found.sentences == []
        assert set(found.files) == missing, "some layers were not searched"
        for layer, files in found.files.items():
            searched.add(layer, files)
