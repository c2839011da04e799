"""Releases a small project as people do, with times of its files long ago: FOLDER BACKEND.

The source distribution and the wheel are both built from these files, as `python -m build --sdist --wheel` does.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

folder, backend = pathlib.Path(sys.argv[1]), sys.argv[2]
TABLE = {
    "setuptools": ('["setuptools==80.9.0"]', "setuptools.build_meta"),
    "hatchling": ('["hatchling==1.27.0"]', "hatchling.build"),
    "flit": ('["flit_core==3.12.0"]', "flit_core.buildapi"),
    "poetry": ('["poetry-core==2.1.3"]', "poetry.core.masonry.api"),
}
requires, name = TABLE[backend]
files = {
    "pyproject.toml": f"""[build-system]
requires = {requires}
build-backend = "{name}"

[project]
name = "inferred-demo"
version = "1.0"
description = "A project"
requires-python = ">=3.8"
readme = "README.md"

[project.scripts]
inferred-demo = "inferred_demo:main"
""" + ("""
[tool.setuptools]
packages = ["inferred_demo"]
package-data = { inferred_demo = ["table.txt"] }
""" if backend == "setuptools" else ""),
    "README.md": "Words.\n",
    "LICENSE": "Terms.\n",
    "inferred_demo/__init__.py": "VALUE = 1\n\n\ndef main():\n    print(VALUE)\n",
    "inferred_demo/table.txt": "one\n",
}
for at, (path, text) in enumerate(files.items()):
    path = folder / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    then = 1_600_000_000 + 100 * at
    os.utime(path, (then, then))


def made_at():
    """Times of what was made during the build."""
    (wheel,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {info.date_time for info in archive.infolist() if ".dist-info/" in info.filename}


# On a busy machine a build takes longer than the two seconds that a zip tells apart: then it is made again.
for _ in range(20):
    shutil.rmtree(folder / "dist", ignore_errors=True)
    for kind in ("--sdist", "--wheel"):
        command = ["uv", "build", "--quiet", kind, "--out-dir", folder / "dist", folder]
        subprocess.run(command, check=True)
    if len(made_at()) == 1:
        break
