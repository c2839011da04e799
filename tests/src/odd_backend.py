"""A build backend in the tree of its own project, without any requirement.

It writes the smallest wheel there can be. What `odd.py` in the project gives goes into it:
`content()`, the text of the module, `members()`, more of them in their order, and `date_time()`, the
time of the members.
"""

import base64
import hashlib
import zipfile

import odd

NAME = "odd-1.0-py3-none-any.whl"
INFO = "odd-1.0.dist-info"
METADATA = "Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: odd\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(folder, config_settings=None, metadata_directory=None):
    files = {"odd/__init__.py": getattr(odd, "content", str)()}
    files.update(getattr(odd, "members", dict)())
    files[f"{INFO}/METADATA"] = METADATA
    files[f"{INFO}/WHEEL"] = WHEEL
    record = ""
    for name, text in files.items():
        digest = hashlib.sha256(text.encode()).digest()
        digest = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        record += f"{name},sha256={digest},{len(text.encode())}\n"
    files[f"{INFO}/RECORD"] = record + f"{INFO}/RECORD,,\n"
    date_time = getattr(odd, "date_time", lambda: (2020, 1, 1, 0, 0, 0))()
    with zipfile.ZipFile(f"{folder}/{NAME}", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(zipfile.ZipInfo(name, date_time), text)
    return NAME
