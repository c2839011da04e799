#!/usr/bin/env python3
"""Compare `wheelmark diff` with diffoscope on pairs of wheels with one thing changed in each.

    pip install diffoscope
    tests/compare_with_diffoscope.py [--wheelmark PROGRAM] [--diffoscope PROGRAM] [--write FILE]

Makes every pair, runs both tools on it, and prints or writes a table in Markdown. It asks of both the same
question: is what was planted told? Of wheelmark, that the planted cause is among those it names, at the
planted level; of diffoscope, that its text holds the evidence a person would look for. Exits with 1 when
wheelmark misses one. Needs gcc and objcopy for the pairs with an extension module.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

INFO = "demo-1.0.dist-info"
NAME = "demo-1.0-cp311-cp311-linux_x86_64.whl"
CLOCK = (2026, 11, 23, 12, 0, 0)

SOURCE = """\
#include <stdio.h>
#ifndef ANSWER
#define ANSWER 42
#endif
#ifdef STAMP
const char *demo_built(void) { return STAMP; }
#endif
int demo_answer(int x) { int sum = 0; for (int i = 0; i < x; i++) sum += i * ANSWER; return sum; }
void demo_greet(const char *who) { printf("hello, %s, the answer is %d\\n", who, demo_answer(3)); }
"""


def member(data, when=CLOCK, mode=0o100644, level=6):
    data = data.encode() if isinstance(data, str) else data
    return {"data": data, "when": when, "mode": mode, "level": level}


def base():
    module = "".join(f"value_{n} = {n}\n" for n in range(60))
    return {
        "demo/__init__.py": member("from .module import *\n"),
        "demo/module.py": member(module),
        "demo/data.py": member("NAMES = {'alpha', 'beta', 'gamma'}\nBUILT = None\n"),
        f"{INFO}/METADATA": member(
            "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: alpha>=1\n"
            "Requires-Dist: beta\n\n# demo\n\nA description of some length.\n"
        ),
        f"{INFO}/WHEEL": member(
            "Wheel-Version: 1.0\nGenerator: setuptools (75.1.0)\nRoot-Is-Purelib: false\n"
            "Tag: cp311-cp311-linux_x86_64\n"
        ),
        f"{INFO}/entry_points.txt": member("[console_scripts]\ndemo = demo:main\n"),
        f"{INFO}/LICENSE": member("Do as you like.\n"),
    }


def replace(path, old, new):
    def change(files):
        data = files[path]["data"]
        assert old.encode() in data, (path, old)
        files[path]["data"] = data.replace(old.encode(), new.encode())

    return change


def each(change):
    def every(files):
        for number, file in enumerate(files.values()):
            change(number, file)

    return every


def setting(path, **fields):
    return lambda files: files[path].update(fields)


def later(files):
    for file in files.values():
        file["when"] = (2026, 11, 23, 13, 0, 0)


def reorder(files):
    items = sorted(files.items(), reverse=True)
    files.clear()
    files.update(items)


def crlf(files):
    files["demo/module.py"]["data"] = files["demo/module.py"]["data"].replace(b"\n", b"\r\n")


def with_module(folder, side, *flags, where="/one", comment=None, stamp=None):
    """An extension module, compiled in a folder of its own."""
    here = folder / f"build{where}-{side}"
    here.mkdir(parents=True)
    (here / "demo.c").write_text(SOURCE)
    defines = [f'-DSTAMP="{stamp}"'] if stamp else []
    command = ["gcc", "-shared", "-fPIC", "-O2", *flags, *defines, "-o", "_demo.so", str(here / "demo.c")]
    subprocess.run(command, cwd=here, check=True)
    if comment:
        (here / "comment").write_bytes(comment.encode() + b"\0")
        update = ["objcopy", "--update-section", ".comment=comment", "_demo.so"]
        subprocess.run(update, cwd=here, check=True)
    return (here / "_demo.so").read_bytes()


def native(first, second):
    """Changes that put an extension module, compiled two ways, into the two wheels."""

    def put(folder, files, side, how):
        flags, options = how
        files["demo/_demo.so"] = member(with_module(folder, side, *flags, **options), mode=0o100755)

    return lambda folder, a, b: (put(folder, a, "a", first), put(folder, b, "b", second))


def second(change):
    return lambda folder, a, b: change(b)


def data(path, a, b):
    return lambda folder, x, y: (x.update({path: member(a)}), y.update({path: member(b)}))


# What was planted; how; the cause and level that wheelmark must name; what diffoscope must show.
PAIRS = [
    ("times one hour later", second(later), "timestamps", "L1", r"12:00.*\n(.*\n)*.*13:00"),
    (
        "a time for each file",
        second(each(lambda n, file: file.update(when=(2026, 11, 23, 12, n, 0)))),
        "timestamps", "L1", r"12:01|Nov-23 12:01|\.120100",
    ),
    ("umask 002", second(each(lambda n, f: f.update(mode=0o100664))), "attributes", "L1", r"-rw-rw-r--"),
    ("executable bit", second(setting("demo/module.py", mode=0o100755)), "mode-executable", "L4", r"-rwxr-xr-x"),
    ("order of members", second(reorder), "order", "L2", r"[-+].*demo/module\.py"),
    ("compression level", second(each(lambda n, f: f.update(level=1))), "compression-level", "L1",
     r"[-+].*bytes compressed"),
    ("stored, not deflated", second(each(lambda n, f: f.update(level=None))), "compression-method", "L1",
     r"[-+].*stor"),
    ("generator", second(replace(f"{INFO}/WHEEL", "75.1.0", "75.2.0")), "generator", "L2", r"\+Generator: setuptools \(75\.2"),
    ("description", second(replace(f"{INFO}/METADATA", "some length", "another length")), "description", "L3",
     r"\+A description of another"),
    (
        "order of requirements",
        second(replace(f"{INFO}/METADATA", "alpha>=1\nRequires-Dist: beta", "beta\nRequires-Dist: alpha>=1")),
        "ordering", "L3", r"Ordering differences only|[-+]Requires-Dist",
    ),
    ("Metadata-Version", second(replace(f"{INFO}/METADATA", "Version: 2.1", "Version: 2.2")),
     "metadata-version", "L3", r"\+Metadata-Version: 2\.2"),
    ("entry point", second(replace(f"{INFO}/entry_points.txt", "demo:main", "demo.module:main")),
     "entry-points", "L4", r"\+demo = demo\.module:main"),
    ("line endings", second(crlf), "line-endings", "L4", r"[Ll]ine.ending|CRLF|\\r"),
    ("build time in a module", data("demo/built.py", "AT = '2026-11-23 12:00:00'\n", "AT = '2026-11-24 08:15:30'\n"),
     "embedded-timestamp", "L4", r"\+AT = '2026-11-24"),
    ("build path in a module", data("demo/built.py", "AT = '/tmp/build-a/demo'\n", "AT = '/home/b/src/demo'\n"),
     "embedded-path", "L4", r"\+AT = '/home/b"),
    ("random value in a module", data("demo/built.py", "ID = '3f2b8c1d9e7a4f60'\n", "ID = '9a1c0b7e5d3f2468'\n"),
     "random-value", "L4", r"\+ID = '9a1c"),
    ("order of a set", second(replace("demo/data.py", "'alpha', 'beta', 'gamma'", "'gamma', 'alpha', 'beta'")),
     "ordering", "L4", r"\+NAMES = \{'gamma'"),
    ("constant in a module", second(replace("demo/module.py", "value_30 = 30", "value_30 = 31")), "text-changed",
     "L4", r"\+value_30 = 31"),
    ("a .pth file more", second(lambda files: files.update({"demo.pth": member("import demo\n")})),
     "startup-hook", "L4", r"demo\.pth"),
    ("a module less", second(lambda files: files.pop("demo/data.py")), "member-only-in-a", "L4", r"-.*demo/data\.py"),
    ("C: another constant", native(([], {}), (["-DANSWER=43"], {})), "elf-section", "L4", r"imul|\.text|lea"),
    ("C: -O0, not -O2", native(([], {}), (["-O0"], {})), "elf-section", "L4", r"\.text|push"),
    ("C: path in debug information", native((["-g"], {}), (["-g"], {"where": "/two"})), "elf-debug-path", "L4",
     r"build/two-b"),
    ("C: build time", native(([], {"stamp": "Nov 23 2026 12:00:00"}), ([], {"stamp": "Nov 24 2026 08:15:30"})),
     "embedded-timestamp", "L4", r"Nov 24 2026"),
    ("C: compiler named in .comment", native(([], {}), ([], {"comment": "GCC: (GNU) 14.2.1 20250110"})),
     "elf-compiler", "L4", r"GCC: \(GNU\) 14\.2\.1"),
]


def write(path, files):
    """A wheel with these members in this order, RECORD last."""
    rows = []
    for name, file in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(file["data"]).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(file['data'])}\n")
    last = list(files.values())[-1]
    record = "".join(rows) + f"{INFO}/RECORD,,\n"
    files = {**files, f"{INFO}/RECORD": {**last, "data": record.encode(), "mode": last["mode"] & ~0o111}}
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, file in files.items():
            entry = zipfile.ZipInfo(name, file["when"])
            entry.external_attr = file["mode"] << 16
            level = file["level"]
            entry.compress_type = zipfile.ZIP_STORED if level is None else zipfile.ZIP_DEFLATED
            archive.writestr(entry, file["data"], compresslevel=level)


def timed(command, times):
    """Standard output, and the median time in milliseconds."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        ran = subprocess.run(command, capture_output=True, text=True, errors="replace")
        took.append((time.perf_counter() - start) * 1000)
        if ran.returncode not in (0, 1, 11):
            sys.exit(f"{command}: exit {ran.returncode}: {ran.stderr}")
    return ran.stdout, statistics.median(took)


def cell(text, width=130):
    text = text if len(text) <= width else text[: width - 1] + "…"
    return text.replace("|", "\\|").replace("`", "'")


def places(node):
    """Where diffoscope shows a difference: its headings that hold one."""
    found = [node["source1"]] if node.get("unified_diff") or node.get("comments") else []
    for inner in node.get("details", []):
        found += places(inner)
    return found


def compare(pair, folder, options):
    planted, plant, cause, level, evidence = pair
    a, b = base(), base()
    plant(folder, a, b)
    paths = [folder / side / NAME for side in "ab"]
    for path, files in zip(paths, (a, b)):
        write(path, files)
    ours, our_time = timed([options.wheelmark, "diff", *paths], 5)
    findings = json.loads(timed([options.wheelmark, "diff", "--json", *paths], 1)[0])["findings"]
    text, their_time = timed([options.diffoscope, "--text", "-", *paths], 1)
    tree = json.loads(timed([options.diffoscope, "--json", "-", *paths], 1)[0])
    first = next(line.strip() for line in ours.splitlines() if re.match(r"  L\d ", line))
    headings = [re.sub(r"^tmp\w+\.zip$", "list of members", pathlib.PurePath(p).name) for p in places(tree)]
    return {
        "planted": planted,
        "first": first,
        "named": any(finding["cause"] == cause for finding in findings) and f"level {level}:" in ours,
        "causes": [finding["cause"] for finding in findings],
        "shown": re.search(evidence, text, re.MULTILINE) is not None,
        "headings": ", ".join(dict.fromkeys(headings)),
        "lines": (len(ours.splitlines()), len(text.splitlines())),
        "times": (our_time, their_time),
    }


def table(rows):
    yield "| planted | wheelmark says first | names it | diffoscope shows differences in | shows it | lines | time (ms) |"
    yield "|---|---|---|---|---|---|---|"
    mark = {True: "yes", False: "**no**"}
    for row in rows:
        lines = "{} / {}".format(*row["lines"])
        times = "{:.0f} / {:.0f}".format(*row["times"])
        yield (
            f"| {row['planted']} | {cell(row['first'])} | {mark[row['named']]} | {cell(row['headings'])} "
            f"| {mark[row['shown']]} | {lines} | {times} |"
        )
    total = [sum(row["times"][side] for row in rows) for side in (0, 1)]
    named, shown = (sum(row[key] for row in rows) for key in ("named", "shown"))
    yield (
        f"| **{len(rows)} pairs** | | {named} | | {shown} | "
        f"{sum(r['lines'][0] for r in rows)} / {sum(r['lines'][1] for r in rows)} | "
        f"{total[0]:.0f} / {total[1]:.0f} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheelmark", default="target/debug/wheelmark")
    parser.add_argument("--diffoscope", default="diffoscope")
    parser.add_argument("--write", type=pathlib.Path, help="put the table between the marks of this file")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number, pair in enumerate(PAIRS):
            rows.append(compare(pair, pathlib.Path(folder) / str(number), options))
            print(rows[-1]["planted"], rows[-1]["causes"], rows[-1]["named"], rows[-1]["shown"], file=sys.stderr)
    text = "\n".join(table(rows))
    if options.write:
        start, end = "<!-- table -->\n", "\n<!-- end of table -->"
        page = options.write.read_text()
        before, rest = page.split(start)
        options.write.write_text(before + start + text + end + rest.split(end)[1])
    else:
        print(text)
    sys.exit(0 if all(row["named"] for row in rows) else 1)


if __name__ == "__main__":
    main()
