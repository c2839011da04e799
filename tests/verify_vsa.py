#!/usr/bin/env python3
"""Holds the VSAs that `wheelmark verify` writes against slsa-verifier's `verify-vsa`.

    tests/verify_vsa.py FOLDER [--wheelmark PROGRAM]

FOLDER keeps slsa-verifier, which is built there by Go from its module at a fixed version (some minutes, once) unless
FOLDER/slsa-verifier is there. Everything runs without a network after that: a VSA is verified by a key. It exits with
1 where slsa-verifier says something else than is expected here, and with 77 where there is no Go to build it.
"""

import argparse
import hashlib
import pathlib
import shutil
import subprocess
import sys
import tempfile

MODULE = "github.com/slsa-framework/slsa-verifier/v2"
VERSION = "v2.7.1"
ROOT = pathlib.Path(__file__).resolve().parent.parent
CASES = ROOT / "fixtures" / "cases"
WHEEL = "demo-1.0-py3-none-any.whl"
AT = "2026-01-01T00:00:00Z"
VERIFIER = "https://wheelmark.dev/verifiers/local/v1"
RESOURCE = f"pkg:pypi/demo@1.0?file_name={WHEEL}"


def slsa_verifier(folder):
    """The program; built where it is not there."""
    program = folder / "slsa-verifier"
    if program.exists():
        return program
    if shutil.which("go") is None:
        print("skipped: slsa-verifier is not in the folder, and there is no Go to build it", file=sys.stderr)
        sys.exit(77)
    # A module that requires it, and not `go install`, which asks for every version that there is.
    build = folder / "build"
    build.mkdir(parents=True, exist_ok=True)
    (build / "go.mod").write_text(f"module example.org/build\n\ngo 1.24\n\nrequire {MODULE} {VERSION}\n")
    (build / "tools.go").write_text(
        f'//go:build tools\n\npackage build\n\nimport _ "{MODULE}/cli/slsa-verifier"\n'
    )
    subprocess.run(["go", "mod", "tidy"], cwd=build, check=True)
    command = ["go", "build", "-o", str(program.resolve()), f"{MODULE}/cli/slsa-verifier"]
    subprocess.run(command, cwd=build, check=True)
    return program


class Place:
    """A folder with keys, in which cases of the fixtures are verified."""

    def __init__(self, wheelmark, verifier, folder):
        self.wheelmark, self.verifier, self.folder = wheelmark, verifier, folder
        for name in ("ecdsa-p256", "ed25519"):
            self.run("keygen", "--algorithm", name, "--no-passphrase", "--out", f"{name}.key")
        self.failed = 0

    def run(self, *arguments):
        return subprocess.run([self.wheelmark, *arguments], cwd=self.folder, capture_output=True, text=True)

    def vsa(self, case, out, *arguments, key="ecdsa-p256.key"):
        """Verifies a case and has its VSA written, as an envelope unless it is said otherwise."""
        case = CASES / case
        command = ["verify", case / WHEEL, "--policy", case / "policy.toml", "--at", AT, "--signing-key", key]
        root = case / "trusted_root.json"
        if root.exists() and '"private"' in (case / "policy.toml").read_text():
            command += ["--trust-root", root]
        if "--verdict-form" not in arguments:
            command += ["--verdict-form", "envelope"]
        done = self.run(*command, "--vsa", out, *arguments)
        if not (self.folder / out).exists():
            sys.exit(f"no VSA of {case.name}: {done.stdout}{done.stderr}")

    def expect(self, what, case, out, said, *arguments, key="ecdsa-p256.key", **options):
        """What slsa-verifier says of a VSA, which must have `said` in it."""
        digest = hashlib.sha256((CASES / case / WHEEL).read_bytes()).hexdigest()
        values = {"subject-digest": f"sha256:{digest}", "verifier-id": VERIFIER, "resource-uri": RESOURCE}
        values |= {name.replace("_", "-"): value for name, value in options.items()}
        command = [self.verifier, "verify-vsa", "--attestation-path", out, "--public-key-path", f"{key}.pub"]
        for name, value in values.items():
            command += [f"--{name}", value]
        done = subprocess.run([*command, *arguments], cwd=self.folder, capture_output=True, text=True)
        found = done.stderr.strip().splitlines()[0]
        right = said in found and (done.returncode == 0) == (said == "Verifying VSA: PASSED")
        self.failed += not right
        print(f"{'as expected' if right else 'OTHERWISE'}: {what}: {found}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="keeps slsa-verifier")
    parser.add_argument("--wheelmark", type=pathlib.Path, default=ROOT / "target" / "release" / "wheelmark")
    arguments = parser.parse_args()
    verifier = slsa_verifier(arguments.folder).resolve()
    with tempfile.TemporaryDirectory() as folder:
        place = Place(arguments.wheelmark.resolve(), verifier, pathlib.Path(folder))
        passed = "Verifying VSA: PASSED"
        for key in ("ecdsa-p256.key", "ed25519.key"):
            out = f"accepted-{key}.json"
            place.vsa("accepted", out, key=key)
            place.expect(f"accepted, {key}", "accepted", out, passed, key=key)
            level = {"verified_level": "SLSA_BUILD_LEVEL_1"}
            place.expect(f"level 1, {key}", "accepted", out, passed, key=key, **level)
        accepted = "accepted-ecdsa-p256.key.json"

        def refused(what, said, *more, key="ecdsa-p256.key", **options):
            place.expect(what, "accepted", accepted, said, *more, key=key, **options)

        place.expect("with a key id", "accepted", accepted, passed, public_key_id="verifier")
        refused("level 2 of level 1", "at least 2, got 1", verified_level="SLSA_BUILD_LEVEL_2")
        refused("a property that is not there", "SLSA level", verified_level="SLSA_BUILD_REPRODUCED")
        refused("another verifier", "verifier ID mismatch", verifier_id="https://example.org/other")
        refused("another resource", "resource URI mismatch", resource_uri="pkg:pypi/demo@2.0")
        refused("another file", "digest not found", subject_digest="sha256:" + "0" * 64)
        refused("another key", "no valid signature", key="ed25519.key")
        place.vsa("accepted", "bundle.json", "--verdict-form", "bundle")
        place.expect("a bundle", "accepted", "bundle.json", "expected payload type")
        place.vsa("builder_fail", "failed.json", "--vsa-failed")
        place.expect("a failure", "builder_fail", "failed.json", "verification result is not Passed")
        numbered = {
            "publish_attestation": ("SLSA_BUILD_LEVEL_UNEVALUATED", "WHEELMARK_PUBLISHER_VERIFIED"),
            "excepted": ("SLSA_BUILD_LEVEL_UNEVALUATED", "WHEELMARK_ACCEPTED"),
            "rebuilt_by_another": ("SLSA_BUILD_REPRODUCED", "WHEELMARK_BUILD_REPRODUCED"),
        }
        for case, (word, ours) in numbered.items():
            place.vsa(case, f"{case}.json")
            place.expect(f"{case}, in SLSA's words", case, f"{case}.json", f"invalid SLSA level: {word}")
            out = f"{case}-numbered.json"
            place.vsa(case, out, "--numbered-levels")
            place.expect(f"{case}, numbered", case, out, passed)
            place.expect(f"{case}, {ours}", case, out, passed, verified_level=ours)
            place.expect(f"{case}, another word", case, out, "not found", verified_level="WHEELMARK_DEMANDS_MET")
        for case in ("publish_attestation", "excepted"):
            level = {"verified_level": "SLSA_BUILD_LEVEL_1"}
            place.expect(f"{case}, level 1", case, f"{case}-numbered.json", "not found", **level)
        place.vsa("builder_fail", "failed-numbered.json", "--vsa-failed", "--numbered-levels")
        place.expect("a failure, numbered", "builder_fail", "failed-numbered.json", "verification result is not Passed")
        sys.exit(1 if place.failed else 0)


if __name__ == "__main__":
    main()
