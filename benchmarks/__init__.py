"""What the images are compared with, and how: `inv bench`. Start with bench.py; what is compared with what: README.md."""

from pathlib import Path

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
