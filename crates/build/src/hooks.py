"""Calls one hook of a PEP 517 build backend.

Runs inside the sandbox with the build environment's interpreter:

    python hooks.py TASK.json

The task names the hook, the backend, its `backend-path`, the config settings and the output folder. The
result, the hook's return value as JSON, is written to the path that the task names. Nothing here is
trusted afterwards: the caller looks for itself at what lies in the output folder.
"""

import importlib
import json
import os
import sys


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


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        task = json.load(file)
    backend = load_backend(task["backend"], task["backendPath"])
    hook, settings = task["hook"], task["configSettings"]
    if hook.startswith("get_requires_for_"):
        # Optional hooks: a backend without one asks for nothing more.
        call = getattr(backend, hook, None)
        result = list(call(settings)) if call else []
    else:
        result = getattr(backend, hook)(task["out"], settings)
    with open(task["result"], "w", encoding="utf-8") as file:
        json.dump(result, file)


main()
