#!/usr/bin/env python3
"""Measure `wheelmark verify` over a folder of real wheels, beside the bare arithmetic and `unzip -tq`.

    cargo build --release --bin wheelmark
    cargo build --release -p wheelmark-tests --example read_wheels --example bare_wheels --example sign_wheels
    tests/wheels/survey.py --keep FOLDER          # gathers the wheels
    tests/wheels/speed.py FOLDER [--files 1000] [--most 40000000] [--rounds 5] [--markdown docs/performance.md]

All wheels of at most --most bytes that the strict reader accepts, over again until there are --files of them: each
time in a sub-folder of their own, as hard links, since a bundle is bound to the name. Each gets a bundle signed by a
key made for the purpose, under a policy that names every project. By turns, the least of the rounds; the
ratios are of processor time, which what else runs on the machine changes least. Then one wheel of 1 GB
with a member of 700 MB is made and signed, and its verification measured for memory.
"""

import argparse
import base64
import hashlib
import json
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
from run import between, load, processors  # noqa: E402

START, END = "<!-- wheels: written by `tests/wheels/speed.py` -->\n", "<!-- end of wheels -->"
UNZIP = 'for file; do unzip -tq "$file" || exit; done'


def main():
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="speed-", dir=arguments.folder) as folder:
        text = measure(arguments, pathlib.Path(folder))
    print(text)
    if arguments.markdown:
        page = arguments.markdown.read_text()
        arguments.markdown.write_text(between(page, text, START, END))


def measure(arguments, folder):
    paths = sorted(arguments.folder.glob("*.whl"))
    paths, refused = accepted(arguments, [path for path in paths if path.stat().st_size <= arguments.most])
    files = [link(paths[place % len(paths)], folder / str(place // len(paths))) for place in range(arguments.files)]
    key, policy = sign(arguments, folder, files)
    total = sum(file.stat().st_size for file in files)
    verify = [arguments.wheelmark, "verify", "--policy", policy, "--recursive", folder, "--jobs"]
    commands = {
        "bare arithmetic": [arguments.programs / "bare_wheels", key, *files],
        "strict reader": [arguments.programs / "read_wheels", "--quiet", *files],
        "wheelmark verify, one thread": [*verify, "1"],
        "wheelmark verify, two threads": [*verify, "2"],
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
    base, ours = best["bare arithmetic"], best["wheelmark verify, one thread"]
    about = processors()
    lines = [
        "{processor}, {processors} processors, Linux {kernel}; {when}.".format(**about), load(about), "",
        f"{len(files):,} files ({min(len(paths), len(files))} different wheels), {total:,} bytes, each with a bundle, "
        "all accepted.",
        f"Left out, since the strict reader refuses them: {', '.join(refused) or 'none'}.", "",
        "| what | wall s | cpu s | cpu / bare | peak MiB |", "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, (wall, cpu, peak) in best.items():
        # Each file has an unzip of its own, which comes and goes.
        shown = "" if name == "unzip -tq" else f"{peak / 1024:.0f}"
        lines.append(f"| {name} | {wall:.2f} | {cpu:.2f} | {cpu / base[1]:.2f} | {shown} |")
    with tempfile.TemporaryDirectory(prefix="wheel-speed-") as large:
        wall, size, peak = verify_large(arguments, pathlib.Path(large))
    slower, faster = (best["unzip -tq"][of] / ours[of] for of in (1, 0))
    most = max(peak for name, (_, _, peak) in best.items() if name.startswith("wheelmark"))
    lines += ["",
              f"- `wheelmark verify`, one thread / bare arithmetic: **{ours[1] / base[1]:.2f}×** (goal: at most 1.2×)",
              f"- `unzip -tq` / `wheelmark verify`, one thread: **{slower:.1f}×** of processor time, "
              f"{faster:.1f}× of wall time (goal: more than 1)",
              f"- peak memory of `wheelmark verify`: **{most / 1024:.0f} MiB** (goal: under 64 MiB)",
              f"- the same for a wheel of {size:,} bytes, one member of 700,000,000 in it: "
              f"**{peak / 1024:.0f} MiB** (goal: under 64 MiB), {wall:.1f} s", ""]
    return "\n".join(lines)


def accepted(arguments, paths):
    """The wheels that the strict reader accepts, and the names of the others."""
    done = subprocess.run([arguments.programs / "read_wheels", *paths], capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    refused = [f"`{answer['file']}`" for answer in answers if "refused" in answer]
    return [path for path, answer in zip(paths, answers) if "refused" not in answer], refused


def link(path, folder):
    folder.mkdir(exist_ok=True)
    os.link(path, folder / path.name)
    return folder / path.name


def sign(arguments, folder, files):
    """The public key and the policy under which every file is accepted by the bundle that it gets."""
    subprocess.run([arguments.programs / "sign_wheels", folder, *files], check=True)
    return folder / "signer.pub", folder / "policy.toml"


def verify_large(arguments, folder):
    """Wall seconds, bytes and peak memory in KiB of verifying a wheel of 1 GB."""
    wheel = make_large(folder)
    _, policy = sign(arguments, folder, [wheel])
    wall, _, peak = run([arguments.wheelmark, "verify", "--policy", policy, wheel])
    return wall, wheel.stat().st_size, peak


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--most", type=int, default=40_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--wheelmark", type=pathlib.Path, default=REPOSITORY / "target/release/wheelmark")
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
        sys.exit(f"{argv[0]} failed")  # `verify` also where it did not accept every file
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
