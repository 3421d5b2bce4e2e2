"""What the tests have in common with `scripts/cluster` is in `scripts/cluster_*.py`; importing this makes it importable."""

import pathlib
import sys

scripts = pathlib.Path(__file__).resolve().parents[3] / "scripts"
if str(scripts) not in sys.path:
    sys.path.append(str(scripts))
