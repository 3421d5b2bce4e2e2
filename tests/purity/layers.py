"""The table of src/README.md, read: which folder may use which, and which folders are sans-IO."""
import pathlib
import re


class Layer:
    def __init__(self, folder, folders, libraries):
        self.folder = folder
        self.folders = folders
        self.libraries = libraries


def read(source_dir):
    text = (pathlib.Path(source_dir) / "README.md").read_text()
    layers = {}
    for row in re.findall(r"^\| `(\w+)` \|(.*)\|$", text, re.MULTILINE):
        cells = [cell.strip() for cell in row[1].split("|")]
        if len(cells) != 3:
            raise SystemExit(f"src/README.md: the row of `{row[0]}` has {len(cells) + 1} cells, expected 4")
        words = [set(filter(None, re.split(r"[,\s]+", cell))) for cell in cells[1:]]
        layers[row[0]] = Layer(row[0], *words)
    pure = re.search(r"^ +sans-IO: (.+)$", text, re.MULTILINE)
    if not layers or not pure:
        raise SystemExit("src/README.md: expected the table of folders and a line `sans-IO: ...`")
    return layers, pure.group(1).split()
