#!/usr/bin/env python3
"""Measure the strict reader over a folder of real wheels, beside the bare arithmetic and `unzip -tq`.

    cargo build --release -p wheelmark-tests --example read_wheels --example bare_wheels
    tests/wheels/survey.py --keep FOLDER          # gathers the wheels
    tests/wheels/speed.py FOLDER [--files 1000] [--most 40000000] [--rounds 5] [--markdown docs/performance.md]

All wheels of at most --most bytes, over again until there are --files of them. By turns, the least of the
rounds; the ratios are of processor time, which what else runs on the machine changes least. Then one
wheel of 1 GB with a member of 700 MB is made, and its reading measured for memory.
"""

import argparse
import base64
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import zipfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "tests/perf"))
from run import between  # noqa: E402

START, END = "<!-- wheels: written by `tests/wheels/speed.py` -->\n", "<!-- end of wheels -->"
UNZIP = 'for file; do unzip -tq "$file" || exit; done'


def main():
    arguments = parse()
    paths = sorted(arguments.folder.glob("*.whl"))
    paths = [path for path in paths if path.stat().st_size <= arguments.most]
    files = [str(paths[place % len(paths)]) for place in range(arguments.files)]
    total = sum(os.path.getsize(file) for file in files)
    reader, bare = (arguments.programs / name for name in ("read_wheels", "bare_wheels"))
    commands = {
        "bare arithmetic": [bare, *files],
        "strict reader": [reader, "--quiet", *files],
        "strict reader, two threads": [reader, "--quiet", "--jobs", "2", *files],
        "unzip -tq": ["sh", "-c", UNZIP, "sh", *files],
    }
    best = {}
    for turn in range(arguments.rounds):
        for name, argv in commands.items():
            if name == "unzip -tq" and turn >= 2:
                continue  # it takes three times as long, and needs no third figure to lose
            wall, cpu, peak = run(argv)
            kept = best.setdefault(name, [wall, cpu, peak])
            best[name] = [min(wall, kept[0]), min(cpu, kept[1]), max(peak, kept[2])]
    base = best["bare arithmetic"]
    lines = [
        f"{len(files):,} files ({len(paths)} different wheels), {total:,} bytes.", "",
        "| what | wall s | cpu s | cpu / bare | peak MiB |", "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, (wall, cpu, peak) in best.items():
        # Each file has an unzip of its own, which comes and goes.
        shown = "" if name == "unzip -tq" else f"{peak / 1024:.0f}"
        lines.append(f"| {name} | {wall:.2f} | {cpu:.2f} | {cpu / base[1]:.2f} | {shown} |")
    with tempfile.TemporaryDirectory(prefix="wheel-speed-") as folder:
        large = make_large(pathlib.Path(folder))
        wall, cpu, peak = run([reader, "--quiet", str(large)])
        size = large.stat().st_size
    reached = best["strict reader"][1] / base[1]
    slower, faster = (best["unzip -tq"][of] / best["strict reader"][of] for of in (1, 0))
    lines += ["",
              f"- strict reader / bare arithmetic: **{reached:.2f}×** (goal: at most 1.2×)",
              f"- `unzip -tq` / strict reader: **{slower:.1f}×** of processor time, {faster:.1f}× of wall time "
              "(goal: more than 1)",
              f"- peak memory for a wheel of {size:,} bytes, one member of 700,000,000 in it: "
              f"**{peak / 1024:.0f} MiB** (goal: under 64 MiB), {wall:.1f} s", ""]
    text = "\n".join(lines)
    print(text)
    if arguments.markdown:
        page = arguments.markdown.read_text()
        arguments.markdown.write_text(between(page, text, START, END))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--most", type=int, default=40_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--programs", type=pathlib.Path, default=REPOSITORY / "target/release/examples")
    parser.add_argument("--markdown", type=pathlib.Path)
    return parser.parse_args()


def run(argv):
    """Wall and processor seconds, and the peak memory in KiB of the process itself, without its children.

    The peak is asked for while it runs: what wait4 tells counts this interpreter too, from which it started.
    """
    started = time.perf_counter()
    process = subprocess.Popen([str(word) for word in argv], stdout=subprocess.DEVNULL)
    peak, done = 0, 0
    while not done:
        done, status, usage = os.wait4(process.pid, os.WNOHANG)
        if not done:
            peak = max(peak, resident(process.pid))
            time.sleep(0.01)
    if status:
        sys.exit(f"{argv[0]} failed")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, peak


def resident(pid):
    """The most memory that a process has held so far, in KiB; nothing once it has ended."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) if found else 0


def make_large(folder):
    """A wheel of about 1 GB: a member of 700 MB that packs to half, others that do not pack."""
    path = folder / "large-1.0-py3-none-any.whl"
    noise = [os.urandom(1_000_000) for _ in range(8)]
    half = [chunk[:500_000] + bytes(500_000) for chunk in noise]
    info = "large-1.0.dist-info"
    members = {"large/model.bin": (half, 700)}
    members.update({f"large/part{part}.bin": (noise, 13) for part in range(50)})
    rows = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, (chunks, count) in members.items():
            digest = hashlib.sha256()
            with archive.open(name, "w") as member:
                for place in range(count):
                    member.write(chunks[place % len(chunks)])
                    digest.update(chunks[place % len(chunks)])
            rows.append(row(name, digest, count * 1_000_000))
        for name, text in {
            f"{info}/METADATA": "Metadata-Version: 2.1\nName: large\nVersion: 1.0\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }.items():
            archive.writestr(name, text)
            rows.append(row(name, hashlib.sha256(text.encode()), len(text)))
        archive.writestr(f"{info}/RECORD", "".join(rows) + f"{info}/RECORD,,\n")
    return path


def row(name, digest, size):
    return f"{name},sha256={base64.urlsafe_b64encode(digest.digest()).decode().rstrip('=')},{size}\n"


if __name__ == "__main__":
    main()
