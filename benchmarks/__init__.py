"""Benchmarks of the images against reference images: `inv bench`. Start reading at bench.py."""

from pathlib import Path

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
