"""Downloads one sdist without running anything of it: NAME VERSION FILE.

Through pip's own session and finder, because those read the index, proxy and certificates that the
machine is set up with; `pip download` itself would start the project's build backend. What comes is
checked by the caller, against a digest.
"""

import os
import sys

from pip._internal.commands import create_command

name, version, target = sys.argv[1:]
command = create_command("download")
index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL")
arguments = ["--no-binary", ":all:", *(["--index-url", index] if index else []), name]
options, _ = command.parse_args(arguments)
with command.main_context():
    session = command.get_default_session(options)
    candidates = command._build_package_finder(options, session).find_all_candidates(name)
    links = [c.link for c in candidates if str(c.version) == version and not c.link.is_wheel]
    if not links:
        sys.exit(f"the index has no sdist of {name} {version}")
    answer = session.get(links[0].url_without_fragment)
    answer.raise_for_status()
    partial = target + ".part"
    with open(partial, "wb") as file:
        file.write(answer.content)
    os.replace(partial, target)
