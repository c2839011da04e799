#!/usr/bin/env python3
"""Measure `wheelmark verify -r LOCK` beside hashing the same files and the arithmetic of their signatures.

    cargo build --release --bin wheelmark
    cargo build --release -p wheelmark-tests --example read_wheels --example bare_wheels --example sign_wheels
    tests/wheels/survey.py --keep FOLDER          # gathers the wheels
    tests/perf/lock.py FOLDER [--files 400] [--rounds 7] [--markdown docs/performance.md]

Takes --files wheels of at most --most bytes that the strict reader accepts; where there are fewer, those of a second
turn are hard links in another folder. Each gets a bundle signed by a key made for the purpose, under a policy of one
rule; a `requirements.txt` with hashes locks them. All is on the disk and in its cache. By turns in one run, and the
ratios are of medians, of wall time and with as many threads on either side.
"""

import argparse
import collections
import hashlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "tests/wheels"))
from speed import accepted, link, run, sign  # noqa: E402
from run import between, load, processors  # noqa: E402

START, END = "<!-- lock: written by `just perf-lock` -->\n", "<!-- end of lock -->"
GOAL = 1.2


def main():
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="lock-", dir=arguments.folder) as folder:
        text = measure(arguments, pathlib.Path(folder))
    print(text)
    if arguments.markdown:
        page = arguments.markdown.read_text()
        arguments.markdown.write_text(between(page, text, START, END))


def measure(arguments, folder):
    paths = [path for path in sorted(arguments.folder.glob("*.whl")) if path.stat().st_size <= arguments.most]
    paths, refused = accepted(arguments, paths)
    files = [link(paths[place % len(paths)], folder / str(place // len(paths))) for place in range(arguments.files)]
    key, policy = sign(arguments, folder, files)
    lock = folder / "requirements.txt"
    projects = write_lock(lock, paths[: len(files)])
    size = sum(file.stat().st_size for file in files)
    threads = os.process_cpu_count() if hasattr(os, "process_cpu_count") else len(os.sched_getaffinity(0))
    verify = [arguments.wheelmark, "verify", "--policy", policy, "-r", lock, "--files", folder, "--recursive"]
    told = subprocess.run([str(word) for word in [*verify, "--format", "json"]], capture_output=True, text=True, check=True)
    if told.stdout.count('"decision":"accepted"') < len(files):
        sys.exit("not every file was accepted")
    bare = arguments.programs / "bare_wheels"
    commands = {}
    for count in sorted({1, threads}):
        with_threads = f", {count} thread{'s' if count > 1 else ''}"
        commands["SHA-256 of each file, and its signature" + with_threads] = [
            bare, "--threads", str(count), "--files-only", key, *files]
        commands["hashing files and members, and the signature" + with_threads] = [
            bare, "--threads", str(count), key, *files]
        commands["wheelmark verify -r" + with_threads] = [*verify, "--jobs", str(count)]
    series = collections.defaultdict(list)
    for turn in range(1 + arguments.rounds):
        for name, argv in commands.items():
            wall, cpu, _ = run(argv)
            if turn:  # the first warms the caches
                series[name].append((wall, cpu))
    about = processors()
    lines = [
        "{processor}, {processors} processors, Linux {kernel}; {when}.".format(**about), load(about), "",
        f"{len(files):,} files ({min(len(paths), len(files))} different wheels of {projects} releases), {size:,} bytes, "
        "each with a bundle, all accepted.",
        f"Left out, since the strict reader refuses them: {', '.join(refused) or 'none'}.", "",
        "| what | runs | min s | median s | max s | cpu s |", "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, runs in series.items():
        walls, cpus = zip(*runs)
        lines.append(f"| {name} | {len(runs)} | {min(walls):.2f} | {statistics.median(walls):.2f} | "
                     f"{max(walls):.2f} | {statistics.median(cpus):.2f} |")
    lines.append("")
    median = {name: statistics.median(wall for wall, _ in runs) for name, runs in series.items()}
    names = list(median)
    for place in range(0, len(names), 3):
        files_only, whole, ours = names[place:place + 3]
        ratio = median[ours] / median[whole]
        met = "met" if ratio <= GOAL else "**missed**"
        lines.append(f"- `{ours}` / {whole}: **{ratio:.2f}×** (goal: at most {GOAL}×; {met})")
        lines.append(f"- `{ours}` / {files_only}: {median[ours] / median[files_only]:.2f}×")
    return "\n".join([*lines, ""])


def write_lock(path, wheels):
    """Locks the wheels as `uv pip compile --generate-hashes` would; gives how many releases they are of."""
    digests = collections.defaultdict(list)
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        digests[f"{name}=={version}"].append(hashlib.sha256(wheel.read_bytes()).hexdigest())
    path.write_text("".join(
        f"{release} \\\n" + " \\\n".join(f"    --hash=sha256:{digest}" for digest in all_of) + "\n"
        for release, all_of in digests.items()))
    return len(digests)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--most", type=int, default=40_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--wheelmark", type=pathlib.Path, default=REPOSITORY / "target/release/wheelmark")
    parser.add_argument("--programs", type=pathlib.Path, default=REPOSITORY / "target/release/examples")
    parser.add_argument("--markdown", type=pathlib.Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
