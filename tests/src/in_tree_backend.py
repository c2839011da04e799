"""A build backend that needs nothing: one module, and the folder itself where it is installed in place."""

import pathlib
import zipfile

NAME, VERSION = "plugin", "1.0"
METADATA = f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: in-tree\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def _wheel(folder, files):
    info = f"{NAME}-{VERSION}.dist-info"
    files = {**files, f"{info}/METADATA": METADATA, f"{info}/WHEEL": WHEEL}
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    name = f"{NAME}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(path, text)
    return name


def build_wheel(folder, settings=None, metadata=None):
    return _wheel(folder, {"plugin.py": pathlib.Path("plugin.py").read_text()})


def build_editable(folder, settings=None, metadata=None):
    return _wheel(folder, {"plugin.pth": f"{pathlib.Path.cwd()}\n"})
