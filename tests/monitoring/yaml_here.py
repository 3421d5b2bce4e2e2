"""PyYAML, which Debian's python3 has (python3-yaml) and another python3 that comes first in PATH may not."""

import os
import sys

debians = "/usr/bin/python3"

try:
    import yaml
except ImportError:
    if os.path.realpath(sys.executable) != os.path.realpath(debians) and os.access(debians, os.X_OK):
        os.execv(debians, [debians, *sys.argv])
    print("skipped: needs PyYAML (apt-get install python3-yaml)")
    sys.exit(77)

_loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, if libyaml is there


def load(text):
    return yaml.load(text, Loader=_loader)


def load_all(text):
    return yaml.load_all(text, Loader=_loader)
