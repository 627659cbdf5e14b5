"""What the images are compared with, and how: `inv bench`. Start with bench.py."""

from pathlib import Path

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
