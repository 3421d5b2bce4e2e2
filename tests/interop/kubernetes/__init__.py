"""What the tests of k8s/ share: manifests as kustomize makes them, what must hold in them, and pods without Kubernetes."""

from .manifests import Kustomize, of_kind, components, overlays
from .checks import complaints
from .facts import Facts
from .pods import configmap_volume, environment_of, node_container

__all__ = ["Facts", "Kustomize", "complaints", "components", "configmap_volume", "environment_of", "node_container", "of_kind",
           "overlays"]
