#!/usr/bin/env python3
"""Build a probe project with each release of each build backend, and write what the wheels show of it.

    tests/fingerprints.py FOLDER [--as-of 2026-11-01] [--only setuptools,wheel] [--jobs 2]
    tests/fingerprints.py --check

Writes crates/build/src/infer/fingerprints.json and its digest beside it; docs/fingerprints.md says what they
hold. FOLDER keeps the environments and the wheels, so that a second run builds only what is new or changed.
Nothing uploaded on or after the date of --as-of is used. With --only the other backends stay as they are
in the file. --check compares the file with its digest and looks up what its lines refer to.

Needs uv, and Pythons that `uv python find` finds; those of pyenv are looked for as well. maturin needs cargo,
scikit-build-core and meson-python need cmake and ninja.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import datetime
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.append(str(HERE / "fingerprint"))
from features import Wheel, features  # noqa: E402
from plan import BACKENDS, NOTES  # noqa: E402
from probes import SOURCE_TIME, lay, readme  # noqa: E402

DATA = HERE.parent / "crates/build/src/infer/fingerprints.json"
EPOCH = 1625825534  # 2021-07-09T10:12:14Z
OFFSET = 19800  # seconds that local time is ahead of UTC in a build: five hours and a half, as no machine's by chance
MARGIN = datetime.timedelta(days=30)  # what a release needs is taken as it was so long after its upload
PIP = "26.3"  # its own parts are used to list releases, so it is held fixed
LICENCES = {"table": 'license = {text = "MIT"}\n', "expression": 'license = "MIT"\n'}

LIST = """
import json, sys
from pip._internal.commands import create_command
command = create_command("index")
options, names = command.parse_args(["versions", "--ignore-requires-python", *sys.argv[1:]])
with command.main_context():
    finder = command._build_package_finder(options, command._build_session(options), ignore_requires_python=True)
    json.dump({name: [[str(one.version), one.link.upload_time.isoformat()] for one in finder.find_all_candidates(name)
                      if one.link.is_wheel] for name in names[1:]}, sys.stdout)
"""

# Folders are listed in a known order, so that what depends on it shows, and on any file system alike. Objects and
# not functions: pathlib of Python 3.7 keeps them in a class, where a function would become a method.
SITE = """
import os
class List:
    def __init__(self, real): self.real = real
    def __call__(self, path="."): return sorted(self.real(path), reverse=os.environ["PROBE_LISTING"] == "reversed")
class Scan:
    def __init__(self, real): self.real = real
    def __call__(self, path="."):
        with self.real(path) as found:
            return Found(sorted(found, key=lambda one: one.name, reverse=os.environ["PROBE_LISTING"] == "reversed"))
class Found:
    def __init__(self, found): self.found = iter(found)
    def __iter__(self): return self
    def __next__(self): return next(self.found)
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def close(self): pass
os.listdir, os.scandir = List(os.listdir), Scan(os.scandir)
"""



class Failed(Exception):
    """A release that does not build here; the text says why, in one line that does not depend on the machine."""


@dataclasses.dataclass
class Attempt:
    """One way to build with a release: by which Python, beside which other packages, from which probe."""

    python: str
    beside: dict
    recipe: str
    licence: str
    until: str  # nothing newer is among what the release needs


def main():
    arguments = parse()
    if arguments.check:
        return check()
    bench = Bench(arguments)
    old = json.loads(DATA.read_text()) if DATA.exists() else {"backends": {}, "features": {}}
    chosen = arguments.only.split(",") if arguments.only else list(BACKENDS)
    unknown = set(chosen) - set(BACKENDS)
    if unknown:
        sys.exit(f"no such backend: {', '.join(sorted(unknown))}; there are {', '.join(BACKENDS)}")
    releases = bench.releases(sorted({BACKENDS[name].package for name in chosen}))
    backends, table = dict(old["backends"]), dict(old["features"])
    for name in chosen:
        backends[name] = bench.backend(name, BACKENDS[name], releases[BACKENDS[name].package], table)
        write(arguments.as_of, backends, table)
    return 0


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=pathlib.Path, help="keeps environments and wheels")
    parser.add_argument("--as-of", default="2026-11-01")
    parser.add_argument("--only", help="these backends, separated by commas")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if not arguments.check and not arguments.folder:
        parser.error("a folder is needed")
    return arguments


class Bench:
    """Where environments are made and probes built."""

    def __init__(self, arguments):
        self.folder = arguments.folder.resolve()
        self.as_of = arguments.as_of
        self.jobs = arguments.jobs
        self.uv = shutil.which("uv") or sys.exit("uv is not on the PATH")
        pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv")) / "versions"
        self.path = os.pathsep.join([*(str(one) for one in sorted(pyenv.glob("*/bin"))), os.environ["PATH"]])
        self.pythons, self.lock = {}, threading.Lock()
        site = self.folder / "site"
        site.mkdir(parents=True, exist_ok=True)
        (site / "sitecustomize.py").write_text(SITE)
        (self.folder / "work").mkdir(exist_ok=True)

    def run_uv(self, *argv):
        environment = {**os.environ, "PATH": self.path, "UV_PYTHON_DOWNLOADS": "never"}
        done = subprocess.run([self.uv, *argv], capture_output=True, text=True, env=environment)
        if "No solution found" in done.stderr:
            raise Failed("does not install with this Python")
        if done.returncode:
            sys.exit(f"uv failed:\n{done.stderr}")
        return done.stdout

    def reason(self, said):
        """The last line that a program said that is no ornament, without this machine's folders."""
        lines = [line.strip(" ╰─▶│hint:") for line in said.splitlines() if re.search("[A-Za-z]{3}", line)]
        text = lines[-1] if lines else "it failed without a word"
        text = re.sub(r"(/[\w.+-]+){2,}/", "", text)
        return re.sub(r"\btmp[a-z0-9_]{8}\b", "tmp", text)[:160]

    def releases(self, packages):
        """The releases of each package that have a wheel, none of them a pre-release: [version, day of upload]."""
        argv = ["run", "--quiet", "--no-project", "--isolated", "--with", f"pip=={PIP}", "python", "-c", LIST, *packages]
        found = {}
        for name, files in json.loads(self.run_uv(*argv)).items():
            days = {}
            for version, moment in files:
                if re.fullmatch(r"[0-9.]+(\.post[0-9]+)?", version) and moment[:10] < self.as_of:
                    days[version] = min(moment[:10], days.get(version, moment[:10]))
            found[name] = sorted(days.items(), key=lambda one: version_key(one[0]))
        return found

    def python(self, version):
        """An interpreter of this version in an environment that has nothing else."""
        with self.lock:
            if version in self.pythons:
                return self.pythons[version]
            folder = self.folder / f"python-{version}"
            if not (folder / "bin/python").exists():
                found = self.run_uv("python", "find", "--no-project", "--system", version).strip()
                self.run_uv("venv", "--quiet", "--no-project", "--python", found, str(folder))
            self.pythons[version] = folder / "bin/python"
            return self.pythons[version]

    def environment(self, wanted, version, python, until):
        """A folder with one release of a package, and what it needs as it was on a day."""
        folder = self.folder / "packages" / f"{wanted}-{version}-py{python}-{until}"
        if not folder.exists():
            made = pathlib.Path(tempfile.mkdtemp(dir=self.folder / "work"))
            try:
                self.run_uv("pip", "install", "--quiet", "--target", str(made), "--python", str(self.python(python)),
                            "--only-binary", ":all:", "--exclude-newer", f"{until}T00:00:00Z",
                            f"{wanted}=={version}")
                folder.parent.mkdir(exist_ok=True)
                with contextlib.suppress(OSError):  # another thread was first
                    made.rename(folder)
            finally:
                shutil.rmtree(made, ignore_errors=True)
        return folder

    def backend(self, name, plan, releases, table):
        """The lines of one backend: ranges of equal releases, and those that failed."""
        jobs = []
        for series in plan.series:
            within = [one for one in releases
                      if version_key(series.first) <= version_key(one[0]) < version_key(series.below)]
            jobs += [(series, version, day) for version, day in within]
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            results = list(pool.map(lambda job: self.first_that_builds(plan, *job), jobs))
        ranges, failed, last = [], [], None
        for (series, version, day), (attempt, found) in zip(jobs, results):
            if attempt is None:
                again = failed and last is None and failed[-1]["reason"] == found and failed[-1]["series"] == series.name
                failed.append(failed.pop() if again else {"series": series.name, "reason": found, "releases": {}})
                failed[-1]["releases"][version] = day
                last = None
                continue
            key = hashlib.sha256(compact(found).encode()).hexdigest()[:8]
            table[key] = found
            line = {"series": series.name, "first": version, "last": version, "python": attempt.python,
                    "beside": attempt.beside, "probe": attempt.recipe, "licence": attempt.licence,
                    "late": attempt.until > self.near(day), "features": key}
            apart = ("first", "last")
            if last and all(last[part] == line[part] for part in line if part not in apart):
                last["last"] = version
            else:
                ranges.append({**line, "releases": {}})
                last = ranges[-1]
            last["releases"][version] = day
        print(f"{name}: {len({version for _, version, _ in jobs})} releases, {len(ranges)} ranges, "
              f"{sum(len(one['releases']) for one in failed)} do not build here", file=sys.stderr, flush=True)
        return {"package": plan.package, "ranges": ranges, "failed": failed}

    def near(self, day):
        """The day as of which the needs of a release of another day are taken first."""
        return min(self.as_of, (datetime.date.fromisoformat(day) + MARGIN).isoformat())

    def first_that_builds(self, plan, series, version, day):
        """The first attempt of a series that builds, and its features; (None, the first one's reason) where none does."""
        reasons = []
        for attempt in (Attempt(*one, until) for until in (self.near(day), self.as_of) for one in series.attempts()):
            try:
                built = self.built(plan, version, attempt)
                return attempt, self.shown(plan, version, attempt, built)
            except Failed as problem:
                reasons.append(f"Python {attempt.python}: {problem}")
        print(f"{plan.package} {version} ({series.name}): {sorted(set(reasons))}", file=sys.stderr, flush=True)
        told = [one for one in reasons if "does not install" not in one] or reasons
        return None, told[-1]

    def shown(self, plan, version, attempt, built):
        facts = json.loads((built / "facts.json").read_text())
        wheels = [(Wheel(next((built / side).glob("*.whl"))), facts[side]) for side in ("bare", "full")]
        found = features(*wheels, readme(attempt.recipe), SOURCE_TIME)
        for name, text in {"version": version, **attempt.beside}.items():
            found["generator"] = found["generator"].replace(text, "{" + name + "}")
        return found

    def built(self, plan, version, attempt):
        """The folder with both wheels of an attempt, built unless it is there; a failure is kept as well."""
        folder = self.folder / "built" / f"{plan.package}-{version}" / digest(attempt)
        facts = folder / "facts.json"
        if not facts.exists():
            made = pathlib.Path(tempfile.mkdtemp(dir=self.folder / "work"))
            try:
                told = {side: self.build(plan, version, attempt, side, made) for side in ("bare", "full")}
            except Failed as problem:
                told = {"failed": str(problem)}
            (made / "facts.json").write_text(json.dumps(told))
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            made.rename(folder)
        told = json.loads(facts.read_text())
        if "failed" in told:
            raise Failed(told["failed"])
        return folder

    def build(self, plan, version, attempt, side, made):
        """Build one side of the probe into a folder, and tell what its times are compared with."""
        python = self.python(attempt.python)
        parts = [self.environment(plan.wanted, version, attempt.python, attempt.until)]
        parts += [self.environment(name, pin, attempt.python, self.as_of) for name, pin in attempt.beside.items()]
        out = made / side
        out.mkdir()
        environment = {
            "PATH": os.pathsep.join([*(str(part / "bin") for part in parts), str(python.parent), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join(str(part) for part in [self.folder / "site", *parts]),
            "PYTHONHASHSEED": "0" if side == "bare" else "1", "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8", "TZ": "XXX-5:30",
            "HOME": str(made), "CARGO_NET_OFFLINE": "true", "CARGO_HOME": str(made / "cargo"),
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(pathlib.Path.home() / ".rustup")),
            "GIT_CEILING_DIRECTORIES": str(self.folder), "FLIT_NO_NETWORK": "1",
            "PROBE_LISTING": "sorted" if side == "bare" else "reversed",
        }
        if side == "full":
            environment["SOURCE_DATE_EPOCH"] = str(EPOCH)
        with tempfile.TemporaryDirectory(dir=self.folder / "work") as source:
            source = pathlib.Path(source)
            lay(source, attempt.recipe, side == "full", LICENCES[attempt.licence])
            started = time.time()
            argv = [part.format(out=out) for part in plan.command(attempt.recipe)]
            try:
                done = subprocess.run([python, *argv], cwd=source, env=environment, umask=0o027, timeout=300,
                                      capture_output=True, text=True, errors="replace")
            except subprocess.TimeoutExpired:
                raise Failed("it was not done after 300 seconds") from None
            for wheel in source.glob("dist/*.whl"):
                shutil.move(wheel, out / wheel.name)
        if done.returncode or not list(out.glob("*.whl")):
            raise Failed(self.reason(done.stderr or done.stdout))
        return {"started": started, "ended": time.time(), "offset": OFFSET,
                "epoch": EPOCH if side == "full" else None}


def digest(attempt):
    """Of all that a build is made from besides the release itself, so that a changed probe is built again."""
    told = [dataclasses.asdict(attempt), SITE, "hash seeds 0 and 1"]
    with tempfile.TemporaryDirectory() as folder:
        for full in (False, True):
            place = pathlib.Path(folder) / str(full)
            place.mkdir()
            lay(place, attempt.recipe, full, LICENCES[attempt.licence])
            told += [[str(path.relative_to(place)), path.read_text()] for path in sorted(place.rglob("*"))
                     if path.is_file()]
    return hashlib.sha256(compact(told).encode()).hexdigest()[:16]


def version_key(version):
    numbers, _, post = version.partition(".post")
    parts = [int(part) for part in numbers.split(".")]
    return parts + [0] * (6 - len(parts)) + [int(post) if post else -1]


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write(as_of, backends, table):
    """Write the data, with a line for each range and each set of features that one refers to, and its digest."""
    told = []
    for name in (name for name in BACKENDS if name in backends):
        parts = [f'"{part}":{listed(map(compact, backends[name][part]))}' for part in ("ranges", "failed")]
        told.append(f'{compact(name)}:{{"package":{compact(backends[name]["package"])},\n' + ",\n".join(parts) + "}")
    used = sorted({line["features"] for one in backends.values() for line in one["ranges"]})
    text = ",\n".join([
        '{\n"schema":"wheelmark-fingerprints/1"', f'"as_of":{compact(as_of)}',
        f'"notes":{listed(map(compact, NOTES))}', '"backends":{\n' + ",\n".join(told) + "\n}",
        '"features":{\n' + ",\n".join(f"{compact(key)}:{compact(table[key])}" for key in used) + "\n}\n}\n",
    ]).encode()
    DATA.parent.mkdir(parents=True, exist_ok=True)
    replace(DATA, text)
    replace(digest_file(), f"{hashlib.sha256(text).hexdigest()}  {DATA.name}\n".encode())


def listed(lines):
    return "[\n" + ",\n".join(lines) + "\n]"


def replace(path, data):
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    os.replace(part, path)


def digest_file():
    return DATA.with_name(DATA.name + ".sha256")


def check():
    """0 where the data has its digest, and each line refers to features that are there, which are all used."""
    data = DATA.read_bytes()
    if digest_file().read_text() != f"{hashlib.sha256(data).hexdigest()}  {DATA.name}\n":
        print(f"{DATA.name} has not the digest that {digest_file().name} says", file=sys.stderr)
        return 1
    told = json.loads(data)
    used = set()
    for name, one in told["backends"].items():
        for line in one["ranges"]:
            used.add(line["features"])
            releases = sorted(line["releases"], key=version_key)
            if [releases[0], releases[-1]] != [line["first"], line["last"]] or releases != list(line["releases"]):
                print(f"{name} {line['first']}: the releases are not those of the range", file=sys.stderr)
                return 1
    wrong = [key for key, found in told["features"].items()
             if hashlib.sha256(compact(found).encode()).hexdigest()[:8] != key]
    if used != set(told["features"]) or wrong:
        print(f"features that are missing, unused or changed: {sorted(used ^ set(told['features'])) + wrong}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
