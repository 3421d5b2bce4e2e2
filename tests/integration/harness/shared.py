"""What the tests have in common with `scripts/cluster` is in `scripts/lib/cluster`; importing this makes it importable."""

import pathlib
import sys

scripts = pathlib.Path(__file__).resolve().parents[3] / "scripts/lib"
if str(scripts) not in sys.path:
    sys.path.append(str(scripts))
