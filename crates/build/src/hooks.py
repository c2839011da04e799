"""Calls one hook of a PEP 517 build backend.

Runs inside the sandbox with the build environment's interpreter:

    python hooks.py TASK.json

The task names the hook, the backend, its `backend-path`, the config settings and the output folder. The
result, the hook's return value as JSON, is written to the path that the task names. Nothing here is
trusted afterwards: the caller looks for itself at what lies in the output folder.

A plan that nobody attested may also set the umask, let the clock stand still, have the archive carry the name of
another system, and run `setup.py` instead of a hook.
"""

import importlib
import json
import os
import sys
import time


def load_backend(name, backend_path):
    """The backend object of PEP 517: `module[:object.path]`."""
    # The first entry is this file's folder; a backend must not be able to import from there.
    sys.path.pop(0)
    in_tree = [os.path.abspath(entry) for entry in backend_path]
    sys.path[:0] = in_tree
    module_name, _, attributes = name.partition(":")
    backend = importlib.import_module(module_name)
    if in_tree:
        origin = os.path.abspath(backend.__file__ or "")
        if not any(os.path.commonpath([entry, origin]) == entry for entry in in_tree):
            raise SystemExit(f"backend {name!r} was loaded from {origin!r}, outside of backend-path")
    for attribute in filter(None, attributes.split(".")):
        backend = getattr(backend, attribute)
    return backend


STEP = 2  # seconds, which is what zip archives tell apart


def egg_info_of_source():
    """Names and times of what lies in the source's `.egg-info` directory."""
    found = {}
    for place, inner, files in os.walk(os.getcwd()):
        if place.endswith(".egg-info"):
            for name in files:
                found[name] = os.lstat(os.path.join(place, name)).st_mtime
    return found


def let_clock_stand(now, moves, kept, folders):
    """Has everything that asks Python for the time get `now`, in seconds since 1970, and gives it to each file made
    during the build before an archive is begun: archives take the time of a member from its file. The clock moves on
    once, where `moves` says before what: `build`, `dist-info`, `wheel`, `record`. What is of `.egg-info` has the times
    in `kept`, if any."""
    # What setuptools puts beside a project comes to `.dist-info` as it is.
    from_egg_info = {"top_level.txt", "entry_points.txt", "namespace_packages.txt", "zip-safe", "not-zip-safe"}

    if moves == "build":
        now += STEP  # the source's files have their times already

    def time_of(path):
        folder, name = os.path.split(path)
        if name in kept and (folder.endswith(".egg-info") or folder.endswith(".dist-info")):
            return kept[name]
        inside = ".dist-info" in folder
        if moves == "dist-info" and inside and name not in from_egg_info:
            return now + STEP
        if moves == "wheel" and inside and name in ("WHEEL", "RECORD"):
            return now + STEP
        return now

    began = time.time() - 2  # whole seconds, and file systems that are a little behind
    real = {name: getattr(time, name) for name in ("localtime", "gmtime", "ctime", "strftime")}

    def stamp():
        for folder in folders:
            for place, inner, files in os.walk(folder):
                for name in inner + files:
                    path = os.path.join(place, name)
                    try:
                        if os.lstat(path).st_mtime >= began and not os.path.islink(path):
                            os.utime(path, (time_of(path), time_of(path)))
                    except OSError:
                        pass

    def without_time(name):
        def call(seconds=None):
            return real[name](now if seconds is None else seconds)

        return call

    time.time = lambda: float(now)
    if hasattr(time, "time_ns"):
        time.time_ns = lambda: now * 10**9
    for name in ("localtime", "gmtime", "ctime"):
        setattr(time, name, without_time(name))
    time.strftime = lambda form, given=None: real["strftime"](form, given or real["localtime"](now))

    import zipfile

    begin = zipfile.ZipFile.__init__

    def begin_stamped(self, file, mode="r", *arguments, **options):
        if mode != "r":
            stamp()
            if moves and moves != "build":
                # From here on only RECORD is made.
                time.time = lambda: float(now + STEP)
        begin(self, file, mode, *arguments, **options)

    zipfile.ZipFile.__init__ = begin_stamped
    # A file that is made while the archive is open is stamped when it is added.
    from_file, add = getattr(zipfile.ZipInfo, "from_file", None), zipfile.ZipFile.write

    def add_stamped(self, filename, *arguments, **options):
        stamp_one(filename)
        return add(self, filename, *arguments, **options)

    def from_file_stamped(filename, *arguments, **options):
        stamp_one(filename)
        return from_file(filename, *arguments, **options)

    def stamp_one(path):
        try:
            if os.stat(path).st_mtime >= began:
                os.utime(path, (time_of(path), time_of(path)))
        except OSError:
            pass

    zipfile.ZipFile.write = add_stamped
    if from_file is not None:
        zipfile.ZipInfo.from_file = staticmethod(from_file_stamped)


def list_in_order(as_windows):
    """Has directories list by name: of the orders that file systems have, the one that can be had again. On Windows that
    is their order, by capital letters."""
    listdir, scandir = os.listdir, os.scandir
    key = (lambda name: (os.fsdecode(name).upper(), name)) if as_windows else None

    class InOrder:
        def __init__(self, *arguments):
            with scandir(*arguments) as entries:
                self.entries = iter(sorted(entries, key=lambda entry: key(entry.name) if key else entry.name))

        def __iter__(self):
            return self.entries

        def __next__(self):
            return next(self.entries)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def close(self):
            pass

    os.listdir = lambda *arguments: sorted(listdir(*arguments), key=key)
    os.scandir = InOrder


def compress_by_zlib_ng():
    """Has archives compressed by zlib-ng, which some builds of Python are made with instead of zlib."""
    import zipfile
    import zlib

    from zlib_ng import zlib_ng

    class Other:
        """zlib, but for what compresses."""

        def __getattr__(self, name):
            return getattr(zlib_ng if name == "compressobj" else zlib, name)

    zipfile.zlib = Other()


def appear_as_windows():
    """Has archives carry the number of Windows, and text that Python writes end its lines as there."""
    import builtins
    import io
    import zipfile

    open_file = io.open

    def open_as_there(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *rest, **options):
        if newline is None and "b" not in mode and any(letter in mode for letter in "wax+"):
            newline = "\r\n"
        return open_file(file, mode, buffering, encoding, errors, newline, *rest, **options)

    io.open = builtins.open = open_as_there
    chmod = os.chmod

    def chmod_as_there(path, mode, **options):
        # There is only "read-only" or not, and of directories not even that.
        if os.path.isdir(path):
            mode = 0o777
        else:
            mode = 0o666 if mode & 0o200 else 0o444
        chmod(path, mode, **options)

    os.chmod = chmod_as_there
    os.linesep = "\r\n"
    begin = zipfile.ZipInfo.__init__

    def begin_elsewhere(self, *arguments, **options):
        begin(self, *arguments, **options)
        self.create_system = 0

    zipfile.ZipInfo.__init__ = begin_elsewhere


def run_setup(*arguments):
    """`python setup.py COMMAND`, as wheels were made before there were hooks."""
    sys.argv = ["setup.py"] + list(arguments)
    sys.path[0] = os.getcwd()
    with open("setup.py", "rb") as file:
        code = compile(file.read(), "setup.py", "exec")
    # setuptools patches distutils, which such files may import before it.
    importlib.import_module("setuptools")
    # What unpickles or inspects `__main__` finds the file's own names there.
    main_module = type(sys)("__main__")
    main_module.__file__ = "setup.py"
    sys.modules["__main__"] = main_module
    exec(code, main_module.__dict__)


def run_setup_py(arguments, out):
    """The name of the one wheel that `bdist_wheel` makes."""
    run_setup("bdist_wheel", "--dist-dir", out, *arguments)
    made = [name for name in os.listdir(out) if name.endswith(".whl")]
    return made[0] if len(made) == 1 else ""


def setup_requires():
    """What `setup.py` asks for by `setup_requires`, which setuptools would fetch from the index by itself."""
    asked = []

    class Asked(BaseException):
        pass

    def ask(self, requirements):
        if isinstance(requirements, str):
            requirements = requirements.splitlines()
        asked.extend(str(it).strip() for it in requirements if str(it).strip())
        raise Asked()

    importlib.import_module("setuptools.dist").Distribution.fetch_build_eggs = ask
    try:
        run_setup("egg_info")
    except Asked:
        pass
    return asked


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        task = json.load(file)
    settings = task.get("settings") or {}
    if settings.get("umask") is not None:
        os.umask(settings["umask"])
        list_in_order(settings.get("system") == "windows")
    if settings.get("clock") is not None:
        kept = egg_info_of_source() if settings.get("eggInfo") == "source" else {}
        let_clock_stand(settings["clock"], settings.get("moves"), kept, [os.getcwd(), task["out"], os.environ["TMPDIR"]])
    if settings.get("compressor") == "zlib-ng":
        compress_by_zlib_ng()
    if settings.get("system") == "windows":
        appear_as_windows()
    if settings.get("frontend") == "setup-py":
        if task["hook"] == "build_wheel":
            result = run_setup_py(settings["arguments"], task["out"])
        else:
            result = setup_requires()
        with open(task["result"], "w", encoding="utf-8") as file:
            json.dump(result, file)
        return
    backend = load_backend(task["backend"], task["backendPath"])
    hook, config = task["hook"], task["configSettings"]
    if hook.startswith("get_requires_for_"):
        # Optional hooks: a backend without one asks for nothing more.
        call = getattr(backend, hook, None)
        result = list(call(config)) if call else []
    else:
        result = getattr(backend, hook)(task["out"], config)
    with open(task["result"], "w", encoding="utf-8") as file:
        json.dump(result, file)


main()
