"""The files that people copy, with this test's addresses in them."""

import pathlib

gateways = pathlib.Path(__file__).resolve().parents[3] / "scripts/gateways"


def copied(source, target, substitutes):
    """Copies scripts/gateways/`source` to `target` with each of `substitutes` (what the file says -> what the test needs).
    One that is not in the file is a mistake: then the test would not test what it thinks."""
    text = (gateways / source).read_text(encoding="utf-8")
    for default, ours in substitutes.items():
        assert default in text, f"{source}: expected the default {default!r} in it, found none; adapt the test to the file"
        text = text.replace(default, ours)
    target = pathlib.Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target
