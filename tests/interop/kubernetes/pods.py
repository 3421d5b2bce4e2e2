"""What the kubelet makes of a manifest: a container's environment, and volumes of ConfigMaps."""

import os
import pathlib


def node_container(pod, image="starling"):
    """The container that runs a node, which may be a sidecar; None if the pod has none."""
    for each in pod["spec"].get("initContainers", []) + pod["spec"]["containers"]:
        if each["image"].partition(":")[0] == image:
            return each
    return None


def environment_of(container, pod_name):
    """name -> value; of the pod's fields its name is known."""
    found = {}
    for each in container.get("env", []):
        field = each.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
        assert "value" in each or field == "metadata.name", f"expected a value or the pod's name, found {each}"
        found[each["name"]] = each.get("value", pod_name)
    return found


def configmap_volume(folder, data, mode=0o644):
    """Writes it as the kubelet does: files are links through ..data, which one rename exchanges. A Secret is the same."""
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    version = folder / f"..v{len(list(folder.glob('..v*')))}"
    version.mkdir()
    for name, text in data.items():
        (version / name).write_text(text, encoding="utf-8")
        (version / name).chmod(mode)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    (folder / "..data_tmp").symlink_to(version.name)
    os.rename(folder / "..data_tmp", folder / "..data")
    return folder
