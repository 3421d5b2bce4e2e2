"""Prometheus' text format, read strictly: a line that is not as it must be is an error, and so is a series that comes twice."""

import math
import re

_sample = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)')
_label = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
_escapes = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


class Page:
    """`types` and `helps`: by family. `samples`: by the sample's name and its labels, sorted, as a tuple of pairs."""

    def __init__(self, text):
        self.types, self.helps, self.samples = {}, {}, {}
        assert text.endswith("\n"), "expected the page to end with a whole line"
        family = None
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                family, help_text = line[7:].split(" ", 1)
                assert family not in self.helps, f"{family} comes twice"
                self.helps[family] = help_text
            elif line.startswith("# TYPE "):
                name, kind = line[7:].split(" ")
                assert name == family, f"expected the type of {family}, found {line}"
                self.types[name] = kind
            else:
                self._add(line, family)

    def _add(self, line, family):
        found = _sample.fullmatch(line)
        assert found, f"expected a sample, found {line!r}"
        name, labels, value = found.groups()
        suffixes = ("_bucket", "_sum", "_count") if self.types[family] == "histogram" else ("",)
        assert name in [family + suffix for suffix in suffixes], f"expected a sample of {family}, found {line!r}"
        pairs, at = [], 0
        while at < len(labels or ""):
            label = _label.match(labels, at)
            assert label, f"expected a label at {labels[at:]!r} in {line!r}"
            pairs.append((label.group(1), re.sub(r"\\.", lambda escape: _escapes[escape.group()], label.group(2))))
            at = label.end()
        key = (name, tuple(sorted(pairs)))
        assert key not in self.samples, f"{line!r} comes twice"
        self.samples[key] = math.inf if value == "+Inf" else float(value)

    def value(self, name, **labels):
        return self.samples[(name, tuple(sorted(labels.items())))]

    def values(self, name):
        """labels, as a dictionary's items -> value, of every sample of that name"""
        return {labels: value for (sample, labels), value in self.samples.items() if sample == name}

    def sum(self, name, **labels):
        """Over all samples that have these labels."""
        return sum(value for pairs, value in self.values(name).items() if set(labels.items()) <= set(pairs))
