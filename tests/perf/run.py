#!/usr/bin/env python3
"""Measure wheelmark as whole processes, side by side with what does the same work without it.

    tests/perf/run.py [--only build,rebuild,verify,memory,throughput] [--rounds N]
                      [--wheelmark PROGRAM] [--hash PROGRAM] [--json FILE] [--markdown FILE]

Makes its own inputs in a temporary folder (about 3 GB for `memory` and `throughput`), runs every command
once or more to warm the caches, and then takes turns: A B C A B C. What is compared is thus measured on
the same machine in the same minute. The ratios are of medians. What else runs there is told by the load
average; above the number of processors the figures are worth little.

Needs git, uv, pip, bubblewrap and strace, and an index to fetch one small build backend from.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROJECT = REPOSITORY / "fixtures/projects/pure-flit"
BACKEND = pathlib.Path(__file__).with_name("backend.py")
MB = 1_000_000


@dataclasses.dataclass
class Series:
    """One command's times, in seconds."""

    name: str
    wall: list
    cpu: list

    def row(self, base):
        """What is told of it; the ratio is to the median of `base`."""
        median = statistics.median(self.wall)
        return {
            "what": self.name,
            "runs": len(self.wall),
            "min_ms": round(min(self.wall) * 1e3, 1),
            "median_ms": round(median * 1e3, 1),
            "max_ms": round(max(self.wall) * 1e3, 1),
            "cpu_ms": round(statistics.median(self.cpu) * 1e3, 1),
            "ratio": round(median / statistics.median(base.wall), 2),
        }


@dataclasses.dataclass
class Table:
    """One measurement: rows of which the first is the base of the ratios, and what was to be reached."""

    name: str
    rows: list
    goals: list


def main():
    arguments = parse()
    chosen = arguments.only.split(",") if arguments.only else list(MEASUREMENTS)
    unknown = set(chosen) - set(MEASUREMENTS)
    if unknown:
        sys.exit(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}")
    tables = []
    with tempfile.TemporaryDirectory(prefix="wheelmark-perf-") as folder:
        bench = Bench(arguments, pathlib.Path(folder))
        for name in chosen:
            note(f"measuring {name}")
            tables.extend(MEASUREMENTS[name](bench))
    report = {"machine": machine(), "tables": [dataclasses.asdict(table) for table in tables]}
    text = markdown(report)
    print(text)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(report, indent=1) + "\n")
    if arguments.markdown:
        write(pathlib.Path(arguments.markdown), text)


def parse():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "release"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheelmark", type=pathlib.Path, default=target / "wheelmark")
    parser.add_argument("--hash", type=pathlib.Path, default=target / "examples/hash",
                        help="the example `hash` of the tests: bare SHA-256 by the same library")
    parser.add_argument("--only", help="measurements, separated by commas")
    parser.add_argument("--rounds", type=int, default=15, help="of builds; short commands run four times as often")
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--markdown", help="write the tables to this file, between its marks if it has them")
    return parser.parse_args()


class Bench:
    """The tools, the environment of every command, and the inputs, each made when it is first asked for."""

    def __init__(self, arguments, folder):
        self.folder = folder
        self.rounds = arguments.rounds
        self.wheelmark = program(arguments.wheelmark, "cargo build --release")
        self.hash = arguments.hash
        self.uv = real("uv")
        # Every command sees the same interpreter first, and none of pyenv's start scripts.
        self.python = pathlib.Path(sys.executable).resolve()
        path = [str(self.python.parent), str(self.uv.parent), os.environ["PATH"]]
        self.env = {
            **os.environ,
            "PATH": os.pathsep.join(path),
            "WHEELMARK_CACHE": str(folder / "cache"),
            "UV_CACHE_DIR": str(folder / "uv-cache"),
        }
        self.key = folder / "perf.key"
        self.call(self.wheelmark, "keygen", "--out", self.key, "--no-passphrase")
        self.source = self.repository("pure", lambda to: shutil.copytree(PROJECT, to, dirs_exist_ok=True))

    def call(self, *argv):
        """Runs a command that is not measured."""
        done = subprocess.run([str(word) for word in argv], env=self.env, cwd=self.folder,
                              capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"failed ({done.returncode}): {' '.join(map(str, argv))}\n{done.stdout}{done.stderr}")
        return done.stdout

    def time(self, argv):
        """Wall and processor time of a command; its children that it waited for count."""
        quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1)]
        log = self.folder / "stderr"
        quiet.append((os.POSIX_SPAWN_OPEN, 2, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        argv = [str(word) for word in argv]
        started = time.perf_counter()
        pid = os.posix_spawn(argv[0], argv, self.env, file_actions=quiet)
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - started
        if status:
            sys.exit(f"failed ({status}): {' '.join(argv)}\n{log.read_text()}")
        return wall, usage.ru_utime + usage.ru_stime

    def take_turns(self, commands, rounds, warm=2):
        """Times commands by turns; each is a name and a function that gives its argv, called before."""
        series = [Series(name, [], []) for name, _ in commands]
        for turn in range(warm + rounds):
            for (_, argv), kept in zip(commands, series):
                wall, cpu = self.time(argv())
                if turn >= warm:
                    kept.wall.append(wall)
                    kept.cpu.append(cpu)
        return series

    def fresh(self, name):
        """An empty output folder, whose content of the last run is cleared away unmeasured."""
        folder = self.folder / "out" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def repository(self, name, fill):
        """A git repository with one commit."""
        folder = self.folder / "sources" / name
        folder.mkdir(parents=True)
        fill(folder)
        git = ["git", "-C", folder, "-c", "user.name=perf", "-c", "user.email=perf@localhost"]
        self.call(*git, "init", "--quiet", "--initial-branch=main")
        self.call(*git, "add", "--all")
        self.call(*git, "commit", "--quiet", "--message", "perf")
        return folder

    def wheel(self, name, members):
        """A wheel of these members with its bundle, built and signed by the program itself."""
        out = self.folder / "wheels" / name

        def fill(folder):
            shutil.copy(BACKEND, folder / "backend.py")
            (folder / "wheel.json").write_text(json.dumps({"name": name, "members": members}))
            (folder / "pyproject.toml").write_text(
                '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
                f'[project]\nname = "{name}"\nversion = "1.0"\n')

        if not out.exists():
            note(f"making {name}")
            source = self.repository(name, fill)
            self.call(self.wheelmark, "build", source, "--out", out, "--key", self.key)
        return out / f"{name}-1.0-py3-none-any.whl"

    def verify(self, wheel):
        """The command that verifies a wheel of `wheel`."""
        source = f"git+file://{self.folder}/sources/{wheel.name.split('-')[0]}"
        return [self.wheelmark, "verify", "--key", f"{self.key}.pub", "--source", source, wheel]


def build(bench):
    """A recorded build beside `uv build`."""
    def uv():
        return [bench.uv, "build", "--wheel", "--quiet", "--out-dir", bench.fresh("uv"), bench.source]

    def ours(*options):
        return lambda: [bench.wheelmark, "build", bench.source, "--out", bench.fresh("wheelmark"),
                        "--key", bench.key, *options]

    base, plain, traced = series = bench.take_turns([
        ("uv build --wheel", uv),
        ("wheelmark build --no-trace", ours("--no-trace")),
        ("wheelmark build (with tracing)", ours()),
    ], bench.rounds)
    return [Table("A recorded build of a pure project", [it.row(base) for it in series], [
        goal("recorded build without tracing / uv build", ratio(plain, base), 1.5, "×"),
        goal("what tracing adds", (statistics.median(traced.wall) - statistics.median(plain.wall)) * 1e3,
             None, " ms"),
    ])]


def rebuild(bench):
    """A rebuild beside `pip wheel`."""
    out = bench.fresh("recorded")
    bench.call(bench.wheelmark, "build", bench.source, "--out", out, "--key", bench.key)
    bench.call(bench.uv, "build", "--sdist", "--quiet", "--out-dir", out, bench.source)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")

    def pip():
        return [bench.python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", bench.fresh("pip"), sdist]

    def ours():
        return [bench.wheelmark, "rebuild", "--key", f"{bench.key}.pub", "--source",
                f"git+file://{bench.source}", "--source-dir", bench.source, wheel]

    base, rebuilt = series = bench.take_turns(
        [("pip wheel --no-deps", pip), ("wheelmark rebuild", ours)], bench.rounds)
    return [Table("A rebuild of a pure wheel", [it.row(base) for it in series], [
        goal("rebuild, median", statistics.median(rebuilt.wall), 2, " s"),
        goal("rebuild / pip wheel", ratio(rebuilt, base), 0.5, "×"),
    ])]


def verify(bench):
    """`verify` of a 1 MB wheel as a process, beside a process that does nothing."""
    wheel = bench.wheel("perf_1mb", mixed(MB))
    base, ours = series = bench.take_turns([
        ("true", lambda: [shutil.which("true")]),
        ("wheelmark verify, 1 MB", lambda: bench.verify(wheel)),
    ], 4 * bench.rounds)
    return [Table("Verification of a keyed wheel of 1 MB", [it.row(base) for it in series], [
        goal("verify, median", statistics.median(ours.wall) * 1e3, 15, " ms"),
    ])]


def memory(bench):
    """Peak memory of `verify`, and how many bytes it reads, by size of the wheel."""
    rows = []
    for wheel in (bench.wheel("perf_1mb", mixed(MB)), bench.wheel("perf_100mb", mixed(100 * MB)), large(bench)):
        peak, read = at_its_end(bench, bench.verify(wheel))
        size = wheel.stat().st_size
        rows.append({"wheel": wheel.name.split("-")[0], "bytes": size, "peak_kib": peak, "read_bytes": read,
                     "read_beyond": read - size})
    return [Table("Memory and bytes read by verify", rows, [
        goal("peak memory, largest wheel / smallest", rows[-1]["peak_kib"] / rows[0]["peak_kib"], 1.5, "×"),
    ])]


def throughput(bench):
    """`verify` of a large stored wheel beside bare hashing of the same bytes by the same library."""
    program(bench.hash, "cargo build --release -p wheelmark-tests --example hash")
    wheel = large(bench)
    base, needed, ours = series = bench.take_turns([
        ("SHA-256 of the file", lambda: [bench.hash, "sha256", wheel]),
        ("two SHA-256 and a CRC-32 of the file", lambda: [bench.hash, "sha256,sha256,crc32", wheel]),
        ("wheelmark verify", lambda: bench.verify(wheel)),
    ], max(5, bench.rounds // 3), warm=1)
    size = wheel.stat().st_size
    rows = [{**it.row(base), "mb_per_s": round(size / MB / statistics.median(it.wall))} for it in series]
    return [Table("Verification of a stored wheel of 1 GB, beside bare hashing", rows, [
        goal("verify / SHA-256 of the file", ratio(ours, base), None, "×"),
        goal("verify / the hashes that the wheel asks for", ratio(ours, needed), 1.1, "×"),
    ])]


MEASUREMENTS = {function.__name__: function for function in (build, rebuild, verify, memory, throughput)}


def mixed(size):
    """Members of which the wheel comes to about `size` bytes: random and text, deflated."""
    return [
        {"name": "data.bin", "kind": "random", "bytes": size * 7 // 10, "deflated": True},
        {"name": "text.txt", "kind": "text", "bytes": size, "deflated": True},
    ]


def large(bench):
    """A wheel of 1 GB whose members are stored, one of them 700 MB."""
    sizes = [700 * MB, 200 * MB, 100 * MB]
    return bench.wheel("perf_1gb", [
        {"name": f"{number}.bin", "kind": "random", "bytes": size, "deflated": False}
        for number, size in enumerate(sizes)
    ])


def at_its_end(bench, argv):
    """Peak memory (KiB) and bytes read of a command, looked at while it waits to print its answer.

    Its standard output is a pipe that is full, so it stops at its first write, when the work is done. (What
    wait4(2) tells of memory counts the moment before exec, in which a child is still this interpreter.)
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"\0" * 4096)
    os.set_blocking(writer, True)
    child = subprocess.Popen([str(word) for word in argv], stdout=writer, env=bench.env)
    os.close(writer)
    process = pathlib.Path("/proc") / str(child.pid)
    while True:
        if child.poll() is not None:
            sys.exit(f"ended before it answered ({child.returncode}): {' '.join(map(str, argv))}")
        call = (process / "syscall").read_text().split()
        # The call's number and its first argument, when it is stopped in one: write(2) to 1.
        if call[:2] == [{"x86_64": "1", "aarch64": "64"}[platform.machine()], "0x1"]:
            break
        time.sleep(0.001)
    status = (process / "status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0])
    read = int((process / "io").read_text().split("rchar:")[1].split()[0])
    with open(reader, "rb") as answer:
        answer.read()
    if child.wait():
        sys.exit(f"failed ({child.returncode}): {' '.join(map(str, argv))}")
    return peak, read


def ratio(ours, base):
    return statistics.median(ours.wall) / statistics.median(base.wall)


def goal(what, value, bound, unit):
    """A figure, with the bound it should stay under where there is one."""
    return {"what": what, "value": round(value, 2), "unit": unit, "bound": bound,
            "met": None if bound is None else value <= bound}


def program(path, how):
    if not path.is_file():
        sys.exit(f"no {path}\nhint: {how}")
    return path.resolve()


def real(name):
    """A program of `PATH` that is none of pyenv's start scripts, which cost more than what they start."""
    versions = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"), "versions")
    folders = [pathlib.Path(folder) for folder in os.environ["PATH"].split(os.pathsep)]
    tools = [REPOSITORY / ".tools/bin", REPOSITORY / ".tools/python/bin"]
    for folder in [*folders, *tools, *sorted(versions.glob("*/bin"))]:
        file = folder / name
        if file.is_file() and file.read_bytes()[:2] != b"#!":
            return file.resolve()
    sys.exit(f"{name} is not installed")


def machine():
    """What the figures depend on, and how busy the machine was."""
    def first(*argv):
        with contextlib.suppress(OSError):
            return subprocess.run(argv, capture_output=True, text=True).stdout.splitlines()[0].strip()
        return "unknown"

    return {
        **processors(),
        "python": platform.python_version(),
        "uv": first(str(real("uv")), "--version"),
        "pip": first(sys.executable, "-m", "pip", "--version").split(" from ")[0],
        "git": first("git", "--version"),
    }


def processors():
    """The same of the machine without its tools."""
    model = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "processor": model[0] if model else platform.machine(),
        "processors": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "load": [round(value, 1) for value in os.getloadavg()],
        "when": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def markdown(report):
    about = report["machine"]
    lines = ["{processor}, {processors} processors, Linux {kernel}; Python {python}, {uv}, {pip}, {git}; "
             "{when}.".format(**about), load(about), ""]
    return "\n".join(lines + tables(report))


def load(about):
    return f"Load average when it ended: {', '.join(map(str, about['load']))}."


def tables(report):
    lines = []
    for table in report["tables"]:
        columns = list(table["rows"][0])
        lines += [f"### {table['name']}", "", "| " + " | ".join(column.replace("_", " ") for column in columns) + " |",
                  "| --- |" + " ---: |" * (len(columns) - 1)]
        lines += ["| " + " | ".join(shown(row[column]) for column in columns) + " |" for row in table["rows"]]
        lines.append("")
        for it in table["goals"]:
            figure = f"- {it['what']}: **{it['value']}{it['unit']}**"
            if it["bound"] is not None:
                how = it.get("how", "at most")
                figure += f" (goal: {how} {it['bound']}{it['unit']}; {'met' if it['met'] else '**missed**'})"
            lines.append(figure)
        lines.append("")
    return lines


def write(file, text, start="<!-- figures: written by `just perf` -->\n", end="<!-- end of figures -->"):
    """Writes the tables, and leaves what is around the marks as it is."""
    old = file.read_text() if file.exists() else ""
    if start in old and end in old:
        text = between(old, text, start, end)
    file.write_text(text)


def between(page, text, start, end):
    """The page with this text between its marks, which it must have."""
    before, rest = page.split(start)
    return before + start + "\n" + text + "\n" + end + rest.split(end)[1]


def shown(value):
    return f"{value:,}" if isinstance(value, int) else str(value)


def note(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
