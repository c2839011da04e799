#!/usr/bin/env python3
"""Measure how a policy costs as it grows, beside the Open Policy Agent where its program is given.

    tests/perf/policy.py [--opa PROGRAM] [--markdown docs/performance.md]

Ours inside the process comes from `cargo bench --bench policy`, which this runs; `policy check` is measured as a
process. OPA gets the same rules as an object by project name, its fastest form, and a Rego rule that compares issuer and
SAN of one file's signer: no versions, no patterns, no signature, which ours has. `opa bench` measures it inside its
process, as it measures its users' policies.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

from run import REPOSITORY, load, processors, write

START, END = "<!-- policy: written by `just perf-policy` -->\n", "<!-- end of policy -->"
SIZES = (200, 100_000)
ISSUER, SAN = "https://example.org", "somebody@example.org"
IDENTITY = f'[identities.one]\ntrust = "public-good"\nissuer = "{ISSUER}"\nsan = "{SAN}"\n'
REGO = """package wheelmark
import rego.v1
default allow := false
allow if {
    some rule in data.rules[input.project]
    rule.issuer == input.issuer
    rule.san == input.san
}
"""
# What `benches/policy.rs` calls each, and how long it may take, in microseconds.
FIGURES = [
    ("rule of the last project", {200: 100, 100_000: 1000}),
    ("rule of a pattern", {200: 100, 100_000: 1000}),
    ("read", {}),
]
CHECK_GOAL = 2.0


def main():
    arguments = parse()
    bench = ["cargo", "bench", "--quiet", "-p", "wheelmark-tests", "--bench", "policy"]
    subprocess.run(bench, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    about = processors()
    with tempfile.TemporaryDirectory(prefix="wheelmark-policy-") as folder:
        rows = [*inside(arguments), *opa(arguments, pathlib.Path(folder))]
        check = checks(arguments, pathlib.Path(folder))
    lines = [
        "{processor}, {processors} processors, Linux {kernel}; {when}.".format(**about), load(about), "",
        "| what | rules | median us | goal us |", "| --- | ---: | ---: | ---: |",
        *(f"| {what} | {count(rules)} | {time:,.2f} | {goal or ''} |" for what, rules, time, goal in rows), "",
        *(f"- {what}, {count(rules)} rules: **{'met' if time <= goal else 'missed'}** (at most {goal:,} us)"
          for what, rules, time, goal in rows if goal),
        f"- `wheelmark policy check` of {SIZES[-1]:,} rules, as a process: **{check:.2f} s** "
        f"(goal: at most {CHECK_GOAL:.0f} s; {'met' if check <= CHECK_GOAL else 'missed'})",
    ]
    text = "\n".join([*lines, ""])
    print(text)
    if arguments.markdown:
        write(arguments.markdown, text, START, END)


def inside(arguments):
    """What criterion measured: what, rules, microseconds, goal."""
    for what, goals in FIGURES:
        for rules in SIZES:
            yield what, rules, estimate(arguments, f"{what}/{rules}"), goals.get(rules)
    yield "read a condition", None, estimate(arguments, "read a condition"), None
    for components in (10, 10_000):
        what = "hold a condition against components"
        yield f"{what}, {components:,} of them", None, estimate(arguments, f"{what}/{components}"), None


def count(rules):
    return f"{rules:,}" if rules else ""


def estimate(arguments, name):
    file = arguments.target / "criterion/policy" / name / "new/estimates.json"
    return json.loads(file.read_text())["median"]["point_estimate"] / 1000


def opa(arguments, folder):
    if not arguments.opa:
        return
    (folder / "policy.rego").write_text(REGO)
    for rules in SIZES:
        data = {"rules": {f"demo-{number}": [{"issuer": ISSUER, "san": SAN}] for number in range(rules)}}
        (folder / "data.json").write_text(json.dumps(data))
        question = {"project": f"demo-{rules - 1}", "issuer": ISSUER, "san": SAN}
        (folder / "input.json").write_text(json.dumps(question))
        files = ["--data", "policy.rego", "--data", "data.json", "--input", "input.json"]
        asked = [arguments.opa, "bench", *files, "--format", "json", "--count", "5", "data.wheelmark.allow"]
        told = subprocess.run(asked, cwd=folder, check=True, capture_output=True, text=True).stdout
        runs = [run["T"] / run["N"] / 1000 for run in documents(told)]
        yield "OPA, the same project", rules, statistics.median(runs), None


def documents(text):
    """The JSON documents of a text, one after the other."""
    decoder, place = json.JSONDecoder(), 0
    while place < len(text.rstrip()):
        document, place = decoder.raw_decode(text, place + len(text[place:]) - len(text[place:].lstrip()))
        yield document


def checks(arguments, folder):
    """Seconds of `policy check`, the median of five."""
    rules = "".join(
        f'[[rules]]\nprojects = ["demo-{number}"]\nversions = ">=1"\nidentities = ["one"]\nrebuild = "never"\n'
        for number in range(SIZES[-1]))
    policy = folder / "policy.toml"
    policy.write_text(f"schema = 1\n{IDENTITY}{rules}")
    walls = []
    for _ in range(5):
        began = time.monotonic()
        subprocess.run([arguments.target / "release/wheelmark", "policy", "check", policy], check=True,
                       stdout=subprocess.DEVNULL)
        walls.append(time.monotonic() - began)
    return statistics.median(walls)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    parser.add_argument("--opa", type=pathlib.Path, help="the program of the Open Policy Agent")
    parser.add_argument("--target", type=pathlib.Path, default=target)
    parser.add_argument("--markdown", type=pathlib.Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
