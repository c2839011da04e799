#!/usr/bin/env python3
"""Read the latest wheels of well-known projects strictly, and tell which are refused and why.

    cargo build --release -p wheelmark-tests --example read_wheels
    tests/wheels/survey.py [--markdown docs/wheel-survey.md] [--json FILE] [--keep FOLDER --keep-bytes N]

For each name in projects.txt, pip fetches the latest wheel for this interpreter from the index that it is
configured with, the reader reads it, and it is removed: no more than one project's wheels are on the disk
at a time. Where it is made for one platform, the wheels for Windows and macOS are read too (--platforms).
--from reads wheels kept before instead. With --keep they stay, until there are that many bytes of them: tests/wheels/speed.py measures on these.
"""

import argparse
import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "perf"))
from run import between  # noqa: E402

START, END = "<!-- survey: written by `tests/wheels/survey.py` -->\n", "<!-- end of survey -->"


def main():
    arguments = parse()
    names = [line for line in arguments.projects.read_text().splitlines() if line and line[0] != "#"]
    found, absent, kept = [], [], 0
    if arguments.again:
        names, wheels = [], sorted(arguments.again.glob("*.whl"))
        found = [{"project": project(answer["file"]), **answer} for answer in read(arguments.reader, wheels)]
    for place, name in enumerate(names[: arguments.first]):
        print(f"{place + 1}/{len(names)} {name}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="wheel-survey-") as folder:
            folder = pathlib.Path(folder)
            problem = fetch(name, folder)
            if problem:
                absent.append((name, problem))
                continue
            if not next(folder.iterdir()).name.endswith("-any.whl"):
                for platform in arguments.platforms.split(","):
                    if platform:
                        fetch(name, folder, "--platform", platform)
            wheels = sorted(folder.glob("*.whl"))
            found.extend({"project": name, **answer} for answer in read(arguments.reader, wheels))
            for wheel in wheels if arguments.keep else []:
                size = wheel.stat().st_size
                if kept + size <= arguments.keep_bytes:
                    kept += size
                    shutil.move(wheel, arguments.keep / wheel.name)
    text = markdown(found, absent)
    print(text)
    if arguments.json:
        arguments.json.write_text(json.dumps({"wheels": found, "absent": absent}, indent=1) + "\n")
    if arguments.markdown:
        page = arguments.markdown.read_text()
        arguments.markdown.write_text(between(page, text, START, END))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--projects", type=pathlib.Path, default=HERE / "projects.txt")
    parser.add_argument("--reader", type=pathlib.Path,
                        default=HERE.parents[1] / "target/release/examples/read_wheels")
    parser.add_argument("--platforms", default="win_amd64,macosx_11_0_arm64")
    parser.add_argument("--first", type=int, help="read so many projects only")
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for the wheels")
    parser.add_argument("--keep-bytes", type=int, default=3_000_000_000)
    parser.add_argument("--from", dest="again", type=pathlib.Path, help="a folder of wheels kept before")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--markdown", type=pathlib.Path, help="a page with the marks between which it goes")
    arguments = parser.parse_args()
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    return arguments


def fetch(name, folder, *more):
    """The latest wheel of a project, by pip; what pip said last where there is none."""
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
            "--no-cache-dir", "--dest", str(folder), *more, name]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    return "no wheel for this interpreter" if "No matching distribution" in done.stderr else "pip failed"


def read(reader, wheels):
    done = subprocess.run([reader, *wheels], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def project(file):
    """The project of a wheel, as the index spells it."""
    return re.sub("[-_.]+", "-", file.split("-")[0]).lower()


def markdown(found, absent):
    refused = [wheel for wheel in found if "refused" in wheel]
    noted = collections.Counter(note for wheel in found for note in wheel.get("notes", []))
    projects = {wheel["project"] for wheel in found}
    share = 100 * (len(found) - len(refused)) / max(1, len(found))
    lines = [
        f"- projects: **{len(projects)}**, wheels: **{len(found)}**",
        f"- accepted: **{len(found) - len(refused)}** ({share:.2f} %), refused: **{len(refused)}**",
        f"- members: {sum(wheel.get('members', 0) for wheel in found):,}, "
        f"bytes: {sum(wheel.get('bytes', 0) for wheel in found):,}, "
        f"inflated: {sum(wheel.get('inflated', 0) for wheel in found):,}",
        f"- wheels with start-up hooks: {sum(1 for wheel in found if wheel.get('hooks'))}",
    ]
    lines += [f"- accepted with the note `{note}`: {count}" for note, count in sorted(noted.items())]
    lines += ["", "| refused | reason | what was found |", "| --- | --- | --- |"]
    lines += [f"| `{wheel['file']}` | `{wheel['refused']}` | {cell(wheel['why'])} |" for wheel in refused]
    lines += ["", "| accepted with a note | note |", "| --- | --- |"] if noted else []
    lines += [f"| `{wheel['file']}` | {cell('; '.join(wheel['said']))} |" for wheel in found if wheel.get("notes")]
    hooked = [f"`{wheel['project']}`" for wheel in found if wheel.get("hooks")]
    lines += ["", f"Start-up hooks in: {', '.join(dict.fromkeys(hooked)) or 'none'}."]
    if absent:
        lines += ["", f"Without a wheel: {', '.join(f'{name} ({why})' for name, why in absent)}."]
    lines.append("")
    return "\n".join(lines)


def cell(text):
    text = text.replace("|", "\\|")
    return text if len(text) <= 300 else text[:300] + "…"


if __name__ == "__main__":
    main()
