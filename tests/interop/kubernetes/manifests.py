"""The manifests of k8s/, built by a real kustomize: kubectl's, or the program itself."""

import glob
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

tree = pathlib.Path(__file__).resolve().parents[3]
folder = tree / "k8s"
kubectl_minor_min = 27  # older ones have a kustomize before 5, without options of patches such as allowKindChange

for site in glob.glob(str(tree / f"build*/interop/venv/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages")):
    sys.path.append(site)  # where scripts/interop installs what comes from PyPI


def overlays():
    """base and every overlay, as paths below k8s/."""
    return ["base", *sorted(str(path.parent.relative_to(folder)) for path in folder.glob("overlays/*/kustomization.yaml"))]


def components():
    return sorted(str(path.parent.relative_to(folder)) for path in folder.glob("components/*/kustomization.yaml"))


def of_kind(documents, *kinds):
    return [each for each in documents if each["kind"] in kinds]


class Kustomize:
    """`why_not` is None, or one sentence on what is missing."""

    def __init__(self):
        self._command, self.why_not = _command()
        if self.why_not is None:
            try:
                import yaml  # not of the standard library, so only where it is used
                self._load = lambda text: [each for each in yaml.safe_load_all(text) if each]
            except ImportError:
                self.why_not = "expected python3-yaml, found none; run scripts/interop --install --only kubernetes"

    def build(self, resource, *more_components):
        """The documents of an overlay of k8s/, with components added as a user adds them: by a kustomization of one's own."""
        lines = ["apiVersion: kustomize.config.k8s.io/v1beta1", "kind: Kustomization", f"resources: ['{{k8s}}/{resource}']"]
        if more_components:
            lines += ["components:", *(f"  - '{{k8s}}/{each}'" for each in more_components)]
        return self.build_text("\n".join(lines) + "\n")

    def build_text(self, text, files=None):
        """The documents of a kustomization.yaml, in which {k8s} is our folder, with `files` (name -> text) beside it."""
        with tempfile.TemporaryDirectory(prefix="starling-kustomize-") as scratch:
            here = pathlib.Path(os.path.realpath(scratch))
            text = text.replace("{k8s}", os.path.relpath(folder, here))  # kustomize takes relative paths only
            for name, content in {"kustomization.yaml": text, **(files or {})}.items():
                (here / name).write_text(content, encoding="utf-8")
            return self._load(self._run(here))

    def _run(self, path):
        done = subprocess.run([*self._command, str(path)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.returncode == 0, f"{' '.join(self._command)} {path}: {done.stderr}"
        assert "deprecated" not in done.stderr, done.stderr
        return done.stdout


def _command():
    if shutil.which("kustomize"):
        return ["kustomize", "build"], None
    if not shutil.which("kubectl"):
        return None, "expected kubectl 1.27 or later, or kustomize 5 or later, found neither"
    said = subprocess.run(["kubectl", "version", "--client"], capture_output=True, text=True, timeout=20, check=False).stdout
    minor = re.search(r'(?:v1\.|Minor:")(\d+)', said)
    if minor is None or int(minor[1]) < kubectl_minor_min:
        return None, f"expected kubectl 1.{kubectl_minor_min} or later, found {said.strip()}"
    return ["kubectl", "kustomize"], None
