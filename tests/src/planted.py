"""Changes a wheel as somebody would who plants something in it, RECORD kept true: WHEEL CHANGE TARGET.

Everything else stays as it is: order, times, modes, compression.
"""

import base64
import csv
import hashlib
import io
import sys
import zipfile

source, change, target = sys.argv[1:]
PACKAGE = "inferred_demo"


def row(name, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return [name, f"sha256={digest}", str(len(data))]


with zipfile.ZipFile(source) as wheel:
    members = [(info, wheel.read(info)) for info in wheel.infolist()]
record = next(info for info, _ in members if info.filename.endswith(".dist-info/RECORD"))
folder = record.filename.rsplit("/", 1)[0]
like = members[0][0]


def edit(suffix, old, new):
    for at, (info, data) in enumerate(members):
        if info.filename.endswith(suffix):
            assert old in data, (suffix, data)
            members[at] = (info, data.replace(old, new))
            return
    raise SystemExit(f"no {suffix}")


def add(name, data, mode=0o644):
    info = zipfile.ZipInfo(name, like.date_time)
    info.external_attr = (0o100000 | mode) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    members.insert(1, (info, data))


def mode(suffix, value):
    for info, _ in members:
        if info.filename.endswith(suffix):
            info.external_attr = value << 16
            return


CHANGES = {
    "module": lambda: add(f"{PACKAGE}/helper.py", b"import os\n"),
    "constant": lambda: edit("__init__.py", b"VALUE = 1", b"VALUE = 2"),
    "statement": lambda: edit("__init__.py", b"VALUE = 1", b"VALUE = 1; import os"),
    "blank": lambda: edit("__init__.py", b"VALUE = 1\n", b"VALUE = 1 \n"),
    "pth": lambda: add("demo.pth", b"import inferred_demo\n"),
    "sitecustomize": lambda: add("sitecustomize.py", b"print(1)\n"),
    "entry-point": lambda: edit("entry_points.txt", b"inferred_demo:main", b"inferred_demo:mean"),
    "entry-point-more": lambda: edit("entry_points.txt", b"[console_scripts]\n", b"[console_scripts]\nls = inferred_demo:main\n"),
    "requirement": lambda: edit("METADATA", b"Version: 1.0\n", b"Version: 1.0\nRequires-Dist: requests\n"),
    "description": lambda: edit("METADATA", b"Words", b"Other words"),
    "tag": lambda: edit("WHEEL", b"Root-Is-Purelib: true", b"Root-Is-Purelib: false"),
    "generator": lambda: edit("WHEEL", b"Generator: ", b"Generator: x"),
    "executable": lambda: mode("__init__.py", 0o100755),
    "setuid": lambda: mode("__init__.py", 0o104644),
    "pyc": lambda: add(f"{PACKAGE}/__pycache__/__init__.cpython-311.pyc", b"\x61\x0d\x0d\x0a" + bytes(12) + b"x"),
    "data": lambda: edit("table.txt", b"one", b"two"),
    "native": lambda: add(f"{PACKAGE}/_fast.abi3.so", b"\x7fELF" + bytes(60), 0o755),
    "top-level": lambda: edit("top_level.txt", b"inferred_demo", b"inferred_demo\nos"),
    "script": lambda: add(f"{folder[:-10]}.data/scripts/tool", b"#!python\n", 0o755),
    "time": lambda: setattr(members[0][0], "date_time", (2001, 2, 3, 4, 5, 6)),
}
if change == "list":
    print(" ".join(CHANGES))
    raise SystemExit
CHANGES[change]()
with zipfile.ZipFile(target, "w") as wheel:
    rows = []
    for info, data in members:
        if info.filename == record.filename:
            rows.append([info.filename, "", ""])
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(rows)
            data = text.getvalue().encode()
        else:
            rows.append(row(info.filename, data))
        wheel.writestr(info, data)
