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

load = yaml.safe_load
load_all = yaml.safe_load_all
