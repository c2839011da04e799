#!/usr/bin/env python3
"""Measure verification beside other verifiers of the same attestations, and beside the arithmetic alone.

    tests/perf/peers.py FOLDER [--go-bin DIR] [--rounds N] [--json FILE] [--markdown FILE]

FOLDER is the one of tests/differential.py: its environment has sigstore-python and pypi-attestations. The
commands take turns, as in run.py. The short ones run more often than those that take a second; the ratios are
of the least times, since every one of them only waits for a processor.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import run

sys.path.append(str(run.REPOSITORY / "tests"))
import differential  # noqa: E402

MAIL = ("william@yossarian.net", "https://github.com/login/oauth")
WORKFLOW = (
    "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2",
    "https://token.actions.githubusercontent.com",
)
WHEEL = "rfc8785-0.1.2-py3-none-any.whl"
MARKS = ("<!-- peers: written by `just perf-peers` -->\n", "<!-- end of peers -->")


def main():
    arguments = parse()
    differential.environment(arguments.folder)
    with tempfile.TemporaryDirectory(prefix="wheelmark-peers-") as folder:
        tables = [processes(arguments, pathlib.Path(folder)), *inside(arguments)]
    report = {"machine": {**run.machine(), **versions(arguments)}, "tables": tables}
    text = markdown(report)
    print(text)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    if arguments.markdown:
        run.write(arguments.markdown, text, *MARKS)


def parse():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", run.REPOSITORY / "target")) / "release"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--go-bin", type=pathlib.Path, help="the folder of cosign")
    parser.add_argument("--target", type=pathlib.Path, default=target, help="where our programs are")
    parser.add_argument("--corpus", type=pathlib.Path, default=run.REPOSITORY / "../shared/corpus")
    parser.add_argument("--rounds", type=int, default=10, help="turns of the slow programs; ours run ten times each")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--markdown", type=pathlib.Path, help="write the tables between their marks in this file")
    return parser.parse_args()


class Timer:
    """What run.Bench.time needs."""

    def __init__(self, folder):
        self.folder = folder
        self.env = {**os.environ, "NO_COLOR": "1"}

    time = run.Bench.time


def processes(arguments, folder):
    """A single verification as a process."""
    for name in (WHEEL, f"{WHEEL}.publish.attestation", f"{WHEEL}.sigstore"):
        shutil.copy(arguments.corpus / "pep740" / name, folder)
    wheel, bundle = folder / WHEEL, folder / f"{WHEEL}.sigstore"
    # wheelmark takes what lies beside a file; here each program gets one attestation.
    ours = folder / "ours"
    ours.mkdir()
    for name in (WHEEL, f"{WHEEL}.publish.attestation"):
        shutil.copy(folder / name, ours)
    wheelmark = run.program(arguments.target / "wheelmark", "cargo build --release --bins")
    conformance = run.program(arguments.target / "wheelmark-conformance", "cargo build --release --bins")
    tools = (arguments.folder / "venv/bin").absolute()
    by_workflow = ["--certificate-identity", WORKFLOW[0], "--certificate-oidc-issuer", WORKFLOW[1]]
    quick = [
        ("true", [shutil.which("true")]),
        ("wheelmark --version", [wheelmark, "--version"]),
        ("wheelmark verify, PEP 740", [wheelmark, "verify", ours / WHEEL, "--trust", "staging", "--identity", MAIL[0],
                                       "--issuer", MAIL[1]]),
        ("wheelmark-conformance verify-bundle", [conformance, "verify-bundle", "--bundle", bundle, *by_workflow, wheel]),
    ]
    slow = [
        ("pypi-attestations verify attestation, PEP 740", [
            tools / "pypi-attestations", "verify", "attestation", "--staging", "--offline", "--identity", MAIL[0],
            wheel]),
        ("sigstore verify identity, bundle", [
            tools / "sigstore", "verify", "identity", "--offline", "--bundle", bundle, "--cert-identity", WORKFLOW[0],
            "--cert-oidc-issuer", WORKFLOW[1], wheel]),
    ]
    cosign = arguments.go_bin and arguments.go_bin / "cosign"
    if cosign and cosign.is_file():
        (root,) = tools.parent.glob("lib/*/site-packages/sigstore/_store/*tuf-repo-cdn.sigstore.dev/trusted_root.json")
        slow.append(("cosign verify-blob, bundle", [
            cosign, "verify-blob", "--bundle", bundle, *by_workflow, "--trusted-root", root, wheel]))
    timer = Timer(folder)
    series = {name: run.Series(name, [], []) for name, _ in quick + slow}
    for turn in range(1 + arguments.rounds):
        for name, argv in slow + quick * 10:
            wall, cpu = timer.time(argv)
            if turn:
                series[name].wall.append(wall)
                series[name].cpu.append(cpu)
    least = {name: min(it.wall) for name, it in series.items()}
    rows = [{
        "what": name, "runs": len(it.wall), "min_ms": ms(least[name]), "median_ms": ms(statistics.median(it.wall)),
        "cpu_ms": ms(min(it.cpu)),
    } for name, it in series.items()]
    verify, bare = least["wheelmark verify, PEP 740"], least["wheelmark-conformance verify-bundle"]
    goals = [
        goal("`wheelmark verify`, least", verify * 1e3, " ms", at_most=10),
        goal("`wheelmark-conformance verify-bundle`, least", bare * 1e3, " ms", at_most=10),
        goal("`pypi-attestations` / `wheelmark verify`, the same attestation",
             least["pypi-attestations verify attestation, PEP 740"] / verify, "×", at_least=100),
        goal("`sigstore` / `wheelmark-conformance`, the same bundle",
             least["sigstore verify identity, bundle"] / bare, "×", at_least=100),
    ]
    cpu = {name: min(it.cpu) for name, it in series.items()}
    goals += [
        goal("the first of these by processor time",
             cpu["pypi-attestations verify attestation, PEP 740"] / cpu["wheelmark verify, PEP 740"], "×", at_least=100),
        goal("the second of these by processor time",
             cpu["sigstore verify identity, bundle"] / cpu["wheelmark-conformance verify-bundle"], "×", at_least=100),
    ]
    if "cosign verify-blob, bundle" in least:
        goals.append(goal("`cosign` / `wheelmark-conformance`, the same bundle",
                          least["cosign verify-blob, bundle"] / bare, "×"))
    return {"name": "A single verification as a process", "rows": rows, "goals": goals}


def inside(arguments):
    """Verification inside a process beside the arithmetic that it asks for."""
    program = run.program(arguments.target / "examples/arithmetic",
                          "cargo build --release -p wheelmark-tests --example arithmetic")
    figures = json.loads(subprocess.run([program, arguments.corpus], check=True, capture_output=True).stdout)
    names = {"cpython": "a bundle of CPython", "dsse": "a bundle with a DSSE envelope",
             "pep740": "a PEP 740 attestation"}
    rows = [{"what": names[it["what"]], "signatures": len(it["signatures"]), "hashes": it["hashes"],
             "verify_us": it["verify_us"], "arithmetic_us": it["arithmetic_us"], "ratio": it["ratio"]}
            for it in figures["rows"]]
    goals = [goal(f"{names[it['what']]}, verified / its arithmetic", it["ratio"], "×", at_most=1.15)
             for it in figures["rows"]]
    threads, root = figures["threads"], figures["root"]
    goals.append(goal("two threads over one trusted root / one thread, by time on a processor",
                      threads["faster_on_processor"], "×", at_least=1.85))
    goals.append(goal("the same by the clock, which needs both processors free", threads["faster"], "×", at_least=1.85))
    goals.append(goal("by the clock the arithmetic alone, which shares nothing", threads["arithmetic_faster"], "×"))
    goals.append(goal("parsing the trusted root of the public-good instance, once a process",
                      root["public_good_us"] / 1e3, " ms"))
    return [{"name": "Verification inside a process, beside its arithmetic", "rows": rows, "goals": goals}]


def goal(what, value, unit, at_most=None, at_least=None):
    bound = at_most if at_most is not None else at_least
    met = None if bound is None else value <= bound if at_most is not None else value >= bound
    how = "at most" if at_most is not None else "at least"
    return {"what": what, "value": round(value, 2), "unit": unit, "bound": bound, "how": how, "met": met}


def versions(arguments):
    def of(name):
        # From its metadata: the program itself takes a second to say it.
        (folder,) = (arguments.folder / "venv/lib").glob(f"*/site-packages/{name}-*.dist-info")
        return folder.name.removesuffix(".dist-info").rsplit("-", 1)[1]

    found = {"sigstore": of("sigstore"), "pypi_attestations": of("pypi_attestations"), "cosign": None}
    cosign = arguments.go_bin and arguments.go_bin / "cosign"
    if cosign and cosign.is_file():
        text = subprocess.run([cosign, "version"], capture_output=True, text=True).stdout
        found["cosign"] = next((it.split()[1] for it in text.splitlines() if it.startswith("GitVersion")), "unknown")
    return found


def markdown(report):
    about = report["machine"]
    cosign = f", cosign {about['cosign']}" if about["cosign"] else ""
    lines = ["{processor}, {processors} processors, Linux {kernel}; Python {python}, sigstore {sigstore}, "
             "pypi-attestations {pypi_attestations}".format(**about) + f"{cosign}; {about['when']}.",
             run.load(about), ""]
    return "\n".join(lines + run.tables(report))


def ms(seconds):
    return round(seconds * 1e3, 1)


if __name__ == "__main__":
    main()
