#!/usr/bin/env python3
"""Hold wheelmark's verdicts beside those of the other verifiers of Sigstore bundles and PEP 740 attestations.

    tests/differential.py FOLDER [--go-bin DIR] [--wheelmark DIR] [--sample N] [--json FILE]

Runs over the corpus beside the repository (the conformance suite's bundles, CPython's, PEP 740 material) and
over changes of a sample of it, which are the same in every run. Each document is judged by

- wheelmark: `wheelmark-conformance verify-bundle` for bundles, `wheelmark verify` for PEP 740 objects;
- sigstore-python and pypi-attestations, in this process and offline, from a virtual environment that uv makes
  in FOLDER/venv;
- `cosign verify-blob --bundle --trusted-root`, where DIR of --go-bin holds it.

slsa-verifier can't be run offline, so it is skipped, and every run says so (docs/differential.md has how it was tried).

All get the same trusted root for a bundle: the case's own, or the one that sigstore-python carries. Prints
every disagreement, grouped, with an example of what each said, and every change that all accept. Exits with 1
where a group is not named in docs/differential.md, and where that page names one that was not seen though its
peer ran.
"""

import argparse
import base64
import collections
import concurrent.futures
import copy
import dataclasses
import hashlib
import importlib.util
import json
import logging
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs/differential.md"
PEERS = ["sigstore==4.5.1", "pypi-attestations==0.0.30"]
SDIST = ("sampleproject", "4.0.0", "0ace7980f82c5815ede4cd7bf9f6693684cec2ae47b9b7ade9add533b8627c6b")
CONFORMANCE = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/"
    "extremely-dangerous-oidc-beacon.yml@refs/heads/main",
    "https://token.actions.githubusercontent.com",
)
MAIL = ("william@yossarian.net", "https://github.com/login/oauth")
WORKFLOW = (
    "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2",
    CONFORMANCE[1],
)
SEED = 740


@dataclasses.dataclass
class Subject:
    """What is verified against: a file or its digest, a signer, and a trusted root."""

    sha256: str
    signer: tuple = None
    key: pathlib.Path = None
    file: pathlib.Path = None
    root: pathlib.Path = None
    staging: bool = False
    # Of a provenance object: the repository that must have published.
    repository: str = None


@dataclasses.dataclass
class Document:
    """A document with what it is to be verified against."""

    name: str
    form: str  # bundle, attestation or provenance
    text: str
    subject: Subject
    # What was done to it; None where it is as its maker left it.
    change: str = None
    # Verdicts: the program's name -> (accepted, what it said).
    said: dict = dataclasses.field(default_factory=dict)


def main():
    arguments = parse()
    python = environment(arguments.folder)
    if pathlib.Path(sys.prefix).resolve() != python.parent.parent.resolve():
        os.execv(python, [str(python), *sys.argv])
    logging.disable(logging.CRITICAL)
    corpus = Corpus(arguments)
    documents = corpus.documents() + changed(corpus, arguments.sample)
    judges = [Wheelmark(arguments.wheelmark), SigstorePython(), PypiAttestations()]
    cosign = arguments.go_bin and arguments.go_bin / "cosign"
    if cosign and cosign.is_file():
        judges.append(Cosign(cosign))
    else:
        note("skipped: cosign: no folder with it (--go-bin)")
    note("skipped: slsa-verifier: it can be given no trusted root, and fetches its own in every run")
    with tempfile.TemporaryDirectory(prefix="wheelmark-differential-") as folder:
        for judge in judges:
            judge.folder = pathlib.Path(folder) / judge.name
            judge.folder.mkdir()
            mine = [it for it in documents if judge.judges(it)]
            note(f"{judge.name}: {len(mine)} documents")
            with concurrent.futures.ThreadPoolExecutor(judge.threads) as pool:
                for document, verdict in zip(mine, pool.map(judge.judge, mine)):
                    document.said[judge.name] = verdict
    sys.exit(report(documents, judges, arguments))


def parse():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "release"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, help="where the environment of the peers is, or is made")
    parser.add_argument("--go-bin", type=pathlib.Path, help="the folder of cosign")
    parser.add_argument("--wheelmark", type=pathlib.Path, default=target, help="the folder of both our programs")
    parser.add_argument("--corpus", type=pathlib.Path, default=REPOSITORY / "../shared/corpus")
    parser.add_argument("--sdist", type=pathlib.Path, help="sampleproject-4.0.0.tar.gz, in place of the index's")
    parser.add_argument("--sample", type=int, default=40, help="how many of CPython's bundles are changed")
    parser.add_argument("--json", type=pathlib.Path, help="write every verdict to this file")
    return parser.parse_args()


def environment(folder):
    """The interpreter of an environment with the peers."""
    venv = folder / "venv"
    python = venv / "bin/python"
    if not python.exists():
        uv = shutil.which("uv") or sys.exit("uv is not installed")
        subprocess.run([uv, "venv", "--quiet", venv], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *PEERS], check=True)
    return python.absolute()


# The documents.


class Corpus:
    """What is in the corpus, and the file that is not: the sdist, which is in the index."""

    def __init__(self, arguments):
        self.root = arguments.corpus.resolve()
        if not self.root.is_dir():
            sys.exit(f"no corpus of foreign attestations: {arguments.corpus}")
        peers = pathlib.Path(importlib.util.find_spec("sigstore").origin).parent / "_store"
        (self.production,) = peers.glob("*tuf-repo-cdn.sigstore.dev/trusted_root.json")
        (self.staging,) = peers.glob("*tuf-repo-cdn.sigstage.dev/trusted_root.json")
        self.sdist = arguments.sdist or fetch_sdist(arguments.folder)
        self.all = [*self.conformance(), *self.cpython(), *self.pep740()]

    def documents(self):
        return self.all

    def conformance(self):
        suite = self.root / "sigstore-conformance/bundle-verify"
        for folder in sorted(it for it in suite.iterdir() if it.is_dir()):
            file = folder / "artifact"
            file = file if file.exists() else suite / "a.txt"
            key, root = folder / "key.pub", folder / "trusted_root.json"
            subject = Subject(
                sha256=sha256(file), file=file, signer=CONFORMANCE,
                key=key if key.exists() else None, root=root if root.exists() else self.production)
            yield Document(folder.name, "bundle", (folder / "bundle.sigstore.json").read_text(), subject)

    def cpython(self):
        folder = self.root / "cpython-releases"
        managers = {it["Release"]: (it["Release manager"], it.get("OIDC Issuer"))
                    for it in json.loads((folder / "signing-identities.json").read_text())}
        for path in sorted(folder.glob("3.*.json")):
            signer = managers[".".join(path.stem.split(".")[:2])]
            for file in json.loads(path.read_text()):
                if file.get("sigstore"):
                    subject = Subject(sha256=file["sha256"], signer=signer, root=self.production)
                    name = file["url"].rsplit("/", 1)[1]
                    yield Document(name, "bundle", json.dumps(file["sigstore"]), subject)

    def pep740(self):
        folder = self.root / "pep740"
        wheel = folder / "rfc8785-0.1.2-py3-none-any.whl"
        by_mail = Subject(sha256(wheel), MAIL, file=wheel, root=self.staging, staging=True)
        attestation = (folder / f"{wheel.name}.publish.attestation").read_text()
        yield Document("rfc8785 publish attestation", "attestation", attestation, by_mail)
        yield Document("rfc8785 publish attestation as bundle", "bundle",
                       json.dumps(as_bundle(json.loads(attestation))), by_mail)
        on_production = dataclasses.replace(by_mail, root=self.production, staging=False)
        yield Document("rfc8785 publish attestation, other instance", "attestation", attestation, on_production)
        by_workflow = Subject(sha256(wheel), WORKFLOW, file=wheel, root=self.production)
        yield Document("rfc8785 bundle", "bundle", (folder / f"{wheel.name}.sigstore").read_text(), by_workflow)
        if self.sdist:
            published = Subject(SDIST[2], file=self.sdist, root=self.production,
                                repository="https://github.com/pypa/sampleproject")
            provenance = (folder / "sampleproject-4.0.0.tar.gz.provenance").read_text()
            yield Document("sampleproject provenance", "provenance", provenance, published)
            staging = dataclasses.replace(published, root=self.staging, staging=True)
            yield Document("sampleproject provenance, other instance", "provenance", provenance, staging)
            fork = dataclasses.replace(published, repository="https://github.com/fork/sampleproject")
            yield Document("sampleproject provenance, other repository", "provenance", provenance, fork)


def fetch_sdist(folder):
    """The sdist of the PEP 740 material, from the index; without it those documents are left out."""
    name, version, digest = SDIST
    path = folder / f"{name}-{version}.tar.gz"
    if not path.is_file():
        script = REPOSITORY / "tests/src/fetch_sdist.py"
        done = subprocess.run(["uv", "run", "--quiet", "--no-project", "--isolated", "--with", "pip==25.3",
                               "python", script, name, version, path], capture_output=True, text=True)
        if done.returncode:
            note(f"left out: the provenance of {name}, whose sdist could not be fetched: {done.stderr[-200:]}")
            return None
    if sha256(path) != digest:
        sys.exit(f"{path}: not the file that was meant")
    return path.absolute()


def as_bundle(attestation):
    """A PEP 740 attestation as a Sigstore bundle."""
    material, envelope = attestation["verification_material"], attestation["envelope"]
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "certificate": {"rawBytes": material["certificate"]},
            "tlogEntries": material["transparency_entries"],
        },
        "dsseEnvelope": {
            "payload": envelope["statement"], "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": envelope["signature"]}],
        },
    }


def as_attestation(bundle):
    """The reverse; `None` where a PEP 740 attestation has no place for what was changed."""
    try:
        material, envelope = bundle["verificationMaterial"], bundle["dsseEnvelope"]
        attestation = {
            "version": 1,
            "verification_material": {
                "certificate": material["certificate"]["rawBytes"],
                "transparency_entries": material["tlogEntries"],
            },
            "envelope": {"statement": envelope["payload"], "signature": envelope["signatures"][0]["sig"]},
        }
        return attestation if as_bundle(attestation) == bundle else None
    except (KeyError, IndexError, TypeError):
        return None


# Their changes.


class Absent(Exception):
    """The document has not the part that would be changed."""


def at(value, path):
    for key in path.strip("/").split("/"):
        try:
            value = value[int(key) if isinstance(value, list) else key]
        except (KeyError, IndexError, TypeError):
            raise Absent(path) from None
    return value


def put(value, path, new):
    parent, _, key = path.rpartition("/")
    place = at(value, parent) if parent else value
    at(value, path)
    place[int(key) if isinstance(place, list) else key.lstrip("/")] = new


def drop(value, path):
    parent, _, key = path.rpartition("/")
    at(value, path)
    del (at(value, parent) if parent else value)[key.lstrip("/")]


def flip(value, path, index):
    data = bytearray(base64.b64decode(at(value, path)))
    if index >= len(data):
        raise Absent(path)
    data[index] ^= 1
    put(value, path, base64.b64encode(data).decode())


def add(value, path, more=1):
    put(value, path, str(int(at(value, path)) + more))


def line(value, path, number):
    """Changes the character in the middle of a line."""
    lines = at(value, path).split("\n")
    if number >= len(lines) or not lines[number]:
        raise Absent(path)
    middle = len(lines[number]) // 2
    other = "2" if lines[number][middle] == "1" else "1"
    lines[number] = lines[number][:middle] + other + lines[number][middle + 1:]
    put(value, path, "\n".join(lines))


def certificate(bundle):
    material = at(bundle, "/verificationMaterial")
    if "certificate" in material:
        return "/verificationMaterial/certificate/rawBytes"
    return "/verificationMaterial/x509CertificateChain/certificates/0/rawBytes"


def signature(bundle):
    return "/messageSignature/signature" if "messageSignature" in bundle else "/dsseEnvelope/signatures/0/sig"


def sct(bundle):
    """Changes a byte in the time stamp of the certificate log (1.3.6.1.4.1.11129.2.4.2)."""
    path = certificate(bundle)
    place = base64.b64decode(at(bundle, path)).find(bytes.fromhex("2b06010401d679020402"))
    if place < 0:
        raise Absent(path)
    flip(bundle, path, place + 70)


def other_half(bundle):
    """The other of the two ECDSA signatures that hold over the same bytes: s becomes n - s."""
    from cryptography.hazmat.primitives.asymmetric import utils
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
    try:
        r, s = utils.decode_dss_signature(base64.b64decode(at(bundle, signature(bundle))))
        other = utils.encode_dss_signature(r, order - s)
    except ValueError:
        raise Absent("no signature of P-256") from None
    put(bundle, signature(bundle), base64.b64encode(other).decode())


def as_chain(bundle):
    """The certificate as a chain of one, as the forms before v0.3 had it."""
    raw = at(bundle, certificate(bundle))
    material = at(bundle, "/verificationMaterial")
    if "certificate" not in material:
        raise Absent("/certificate")
    del material["certificate"]
    material["x509CertificateChain"] = {"certificates": [{"rawBytes": raw}]}


def longer_chain(bundle, other):
    chain = at(bundle, "/verificationMaterial/x509CertificateChain/certificates")
    chain.append({"rawBytes": at(other, certificate(other))})


def by_key(bundle):
    material = at(bundle, "/verificationMaterial")
    for name in ("certificate", "x509CertificateChain"):
        material.pop(name, None)
    material["publicKey"] = {"hint": ""}


def without_padding(bundle, path):
    text = at(bundle, path)
    if not text.endswith("="):
        raise Absent(path)
    put(bundle, path, text.rstrip("="))


def url_safe(bundle, path):
    text = at(bundle, path)
    if not set(text) & set("+/"):
        raise Absent(path)
    put(bundle, path, text.translate(str.maketrans("+/", "-_")))


def spare_bits(bundle, path):
    """Other spare bits in the last group of base64, which says the same bytes."""
    text = at(bundle, path)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    if not text.endswith("="):
        raise Absent(path)
    place = len(text.rstrip("=")) - 1
    put(bundle, path, text[:place] + alphabet[alphabet.index(text[place]) ^ 1] + text[place + 1:])


ENTRIES = "/verificationMaterial/tlogEntries"
ENTRY = f"{ENTRIES}/0"
PROOF = f"{ENTRY}/inclusionProof"
CHECKPOINT = f"{PROOF}/checkpoint/envelope"
STAMPS = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps"
SIGNED = "/messageSignature"
DIGEST = f"{SIGNED}/messageDigest"
ENVELOPE = "/dsseEnvelope"
BUNDLE = "application/vnd.dev.sigstore.bundle"


def take(path):
    return lambda it, other: put(it, path, copy.deepcopy(at(other, path)))


# Name -> what is done to a bundle, given another true one.
CHANGES = {
    "signature": lambda it, _: flip(it, signature(it), 20),
    "signature, its last byte": lambda it, _: flip(
        it, signature(it), len(base64.b64decode(at(it, signature(it)))) - 1),
    "signature of another": lambda it, other: put(it, signature(it), at(other, signature(other))),
    "signature, n - s": lambda it, _: other_half(it),
    "signature empty": lambda it, _: put(it, signature(it), ""),
    "certificate, a byte of its body": lambda it, _: flip(it, certificate(it), 60),
    "certificate, its signature": lambda it, _: flip(
        it, certificate(it), len(base64.b64decode(at(it, certificate(it)))) - 1),
    "certificate, its time stamp of the certificate log": lambda it, _: sct(it),
    "certificate of another": lambda it, other: put(it, certificate(it), at(other, certificate(other))),
    "certificate as a chain of one": lambda it, _: as_chain(it),
    "certificate chain, another's signer after it": longer_chain,
    "certificate replaced by a key": lambda it, _: by_key(it),
    "digest": lambda it, _: flip(it, f"{DIGEST}/digest", 0),
    "digest, its algorithm": lambda it, _: put(it, f"{DIGEST}/algorithm", "SHA2_512"),
    "digest left out": lambda it, _: drop(it, DIGEST),
    "payload": lambda it, _: flip(it, f"{ENVELOPE}/payload", 40),
    "payload type": lambda it, _: put(it, f"{ENVELOPE}/payloadType", "text/plain"),
    "envelope with two signatures": lambda it, _: at(it, f"{ENVELOPE}/signatures").append(
        dict(at(it, f"{ENVELOPE}/signatures/0"))),
    "envelope without signature": lambda it, _: at(it, f"{ENVELOPE}/signatures").clear(),
    "envelope with a key id": lambda it, _: at(it, f"{ENVELOPE}/signatures/0").update(keyid="other"),
    "entry of another": take(ENTRY),
    "entry, its log id": lambda it, _: flip(it, f"{ENTRY}/logId/keyId", 3),
    "entry, its index": lambda it, _: add(it, f"{ENTRY}/logIndex"),
    "entry, its time": lambda it, _: add(it, f"{ENTRY}/integratedTime"),
    "entry, its time left out": lambda it, _: drop(it, f"{ENTRY}/integratedTime"),
    "entry, its kind": lambda it, _: put(it, f"{ENTRY}/kindVersion/kind", "intoto"),
    "entry, its version": lambda it, _: put(it, f"{ENTRY}/kindVersion/version", "0.0.9"),
    "entry, its body": lambda it, _: flip(it, f"{ENTRY}/canonicalizedBody", 90),
    "entries left out": lambda it, _: put(it, ENTRIES, []),
    "entry twice": lambda it, _: at(it, ENTRIES).append(copy.deepcopy(at(it, ENTRY))),
    "entry of another after it": lambda it, other: at(it, ENTRIES).append(copy.deepcopy(at(other, ENTRY))),
    "promise": lambda it, _: flip(it, f"{ENTRY}/inclusionPromise/signedEntryTimestamp", 20),
    "promise of another": take(f"{ENTRY}/inclusionPromise"),
    "promise left out": lambda it, _: drop(it, f"{ENTRY}/inclusionPromise"),
    "proof left out": lambda it, _: drop(it, PROOF),
    "proof of another": take(PROOF),
    "proof, its index": lambda it, _: add(it, f"{PROOF}/logIndex"),
    "proof, its root": lambda it, _: flip(it, f"{PROOF}/rootHash", 7),
    "proof, its size": lambda it, _: add(it, f"{PROOF}/treeSize"),
    "proof, a hash": lambda it, _: flip(it, f"{PROOF}/hashes/0", 7),
    "proof, a hash left out": lambda it, _: at(it, f"{PROOF}/hashes").pop(),
    "proof, a hash twice": lambda it, _: at(it, f"{PROOF}/hashes").append(at(it, f"{PROOF}/hashes/0")),
    "checkpoint left out": lambda it, _: drop(it, f"{PROOF}/checkpoint"),
    "checkpoint, its origin": lambda it, _: line(it, CHECKPOINT, 0),
    "checkpoint, its size": lambda it, _: line(it, CHECKPOINT, 1),
    "checkpoint, its root": lambda it, _: line(it, CHECKPOINT, 2),
    "checkpoint, its signature": lambda it, _: put(
        it, CHECKPOINT, re.sub(r"(\u2014 \S+ \S{20})(.)", lambda m: m[1] + ("B" if m[2] == "A" else "A"),
                               at(it, CHECKPOINT))),
    "checkpoint, a line after its signatures": lambda it, _: put(
        it, CHECKPOINT, at(it, CHECKPOINT) + "\u2014 witness AAAAAAAA\n"),
    "time stamp": lambda it, _: flip(
        it, f"{STAMPS}/0/signedTimestamp", len(base64.b64decode(at(it, f"{STAMPS}/0/signedTimestamp"))) - 1),
    "time stamp twice": lambda it, _: at(it, STAMPS).append(dict(at(it, f"{STAMPS}/0"))),
    "time stamp left out": lambda it, _: drop(it, "/verificationMaterial/timestampVerificationData"),
    "time stamp of another": take("/verificationMaterial/timestampVerificationData"),
    "media type unknown": lambda it, _: put(it, "/mediaType", f"{BUNDLE}.v9+json"),
    "media type left out": lambda it, _: drop(it, "/mediaType"),
    "media type of v0.1": lambda it, _: put(it, "/mediaType", f"{BUNDLE}+json;version=0.1"),
    "media type of v0.1, proof left out": lambda it, _: (
        put(it, "/mediaType", f"{BUNDLE}+json;version=0.1"), drop(it, PROOF)),
    "media type of v0.2": lambda it, _: put(it, "/mediaType", f"{BUNDLE}+json;version=0.2"),
    "media type of v0.3": lambda it, _: put(it, "/mediaType", f"{BUNDLE}.v0.3+json"),
    "unknown key at the top": lambda it, _: it.update(surprise=1),
    "unknown key in the entry": lambda it, _: at(it, ENTRY).update(surprise=1),
    "no content": lambda it, _: (it.pop("messageSignature", 0), it.pop("dsseEnvelope", 0)),
    "base64 without padding": lambda it, _: without_padding(it, signature(it)),
    "base64 of URLs": lambda it, _: url_safe(it, signature(it)),
    "base64 with a line break": lambda it, _: put(
        it, signature(it), at(it, signature(it))[:8] + "\n" + at(it, signature(it))[8:]),
    "base64 with other spare bits": lambda it, _: spare_bits(it, signature(it)),
    "number as number": lambda it, _: put(it, f"{ENTRY}/logIndex", int(at(it, f"{ENTRY}/logIndex"))),
    "number with a sign": lambda it, _: put(it, f"{ENTRY}/logIndex", "+" + at(it, f"{ENTRY}/logIndex")),
    "number with a zero before it": lambda it, _: put(it, f"{ENTRY}/logIndex", "0" + at(it, f"{ENTRY}/logIndex")),
}

# Changes of the text.
TEXT_CHANGES = {
    "media type twice": lambda text: text[0] + '"mediaType": "x", ' + text[1:] if "mediaType" in text else None,
    "something after the end": lambda text: text + " {}",
    "byte order mark": lambda text: "\ufeff" + text,
}

# Changes of what it is verified against.
SUBJECT_CHANGES = {
    "another file": lambda it: dataclasses.replace(it, sha256="0" * 64, file=None),
    "another identity": lambda it: it.signer and not it.key and dataclasses.replace(
        it, signer=(it.signer[0] + "x", it.signer[1])),
    "identity cut short": lambda it: it.signer and not it.key and dataclasses.replace(
        it, signer=(it.signer[0][:-1], it.signer[1])),
    "identity in capitals": lambda it: it.signer and not it.key and dataclasses.replace(
        it, signer=(it.signer[0].upper(), it.signer[1])),
    "another issuer": lambda it: it.signer and not it.key and dataclasses.replace(
        it, signer=(it.signer[0], it.signer[1] + "/")),
}

# Changes of a PEP 740 provenance object.
PROVENANCE_CHANGES = {
    "version 2": lambda it: put(it, "/version", 2),
    "unknown key": lambda it: it.update(surprise=1),
    "no attestation bundles": lambda it: put(it, "/attestation_bundles", []),
    "no attestations": lambda it: put(it, "/attestation_bundles/0/attestations", []),
    "publisher unknown": lambda it: put(it, "/attestation_bundles/0/publisher/kind", "Forgejo"),
    "publisher GitLab": lambda it: put(it, "/attestation_bundles/0/publisher/kind", "GitLab"),
    "publisher, its repository": lambda it: put(
        it, "/attestation_bundles/0/publisher/repository", "fork/sampleproject"),
    "publisher, its repository in capitals": lambda it: put(
        it, "/attestation_bundles/0/publisher/repository", "PyPA/SampleProject"),
    "publisher, its workflow": lambda it: put(it, "/attestation_bundles/0/publisher/workflow", "other.yml"),
    "publisher, its environment": lambda it: put(it, "/attestation_bundles/0/publisher/environment", "other"),
    "publisher, unknown key": lambda it: at(it, "/attestation_bundles/0/publisher").update(surprise=1),
    "publisher, unknown claims": lambda it: at(it, "/attestation_bundles/0/publisher").update(claims={"a": 1}),
    "attestation twice": lambda it: at(it, "/attestation_bundles/0/attestations").append(
        copy.deepcopy(at(it, "/attestation_bundles/0/attestations/0"))),
    "a broken attestation after it": lambda it: at(it, "/attestation_bundles/0/attestations").append(
        broken(at(it, "/attestation_bundles/0/attestations/0"))),
    "a broken attestation alone": lambda it: put(
        it, "/attestation_bundles/0/attestations/0", broken(at(it, "/attestation_bundles/0/attestations/0"))),
    "statement": lambda it: flip(it, "/attestation_bundles/0/attestations/0/envelope/statement", 40),
}

# Changes of a PEP 740 attestation that a bundle has not.
ATTESTATION_CHANGES = {
    "version 2": lambda it: put(it, "/version", 2),
    "version left out": lambda it: drop(it, "/version"),
    "version as text": lambda it: put(it, "/version", "1"),
    "version 1.0": lambda it: put(it, "/version", 1.0),
    "unknown key": lambda it: it.update(surprise=1),
    "unknown key in the material": lambda it: at(it, "/verification_material").update(surprise=1),
    "unknown key in the envelope": lambda it: at(it, "/envelope").update(surprise=1),
    "envelope left out": lambda it: drop(it, "/envelope"),
}


def broken(attestation):
    it = copy.deepcopy(attestation)
    flip(it, "/envelope/signature", 20)
    return it


def changed(corpus, count):
    """Every change of a sample of the true documents, the same in every run."""
    true = [it for it in corpus.all if not it.name.endswith("_fail") and "other" not in it.name]
    cpython = [it for it in true if it.form == "bundle" and it.subject.file is None]
    chosen = random.Random(SEED).sample(cpython, min(count, len(cpython)))
    rest = [it for it in true if it.subject.file is not None]
    made = []
    for number, document in enumerate(chosen + rest):
        def made_of(change, text, subject=document.subject, document=document):
            if text is not None and (text != document.text or subject != document.subject):
                made.append(Document(document.name, document.form, text, subject, change))

        value = json.loads(document.text)
        whole = {"bundle": lambda it: it, "attestation": as_bundle, "provenance": lambda it: None}[document.form]
        if whole(value):
            other = partner(document, number, cpython, rest)
            for change, act in CHANGES.items():
                bundle = copy.deepcopy(whole(value))
                try:
                    act(bundle, other)
                except (Absent, IndexError):
                    continue
                if document.form == "attestation":
                    bundle = as_attestation(bundle)
                if bundle is not None and bundle != value:
                    made_of(change, json.dumps(bundle))
        of_form = {"bundle": {}, "attestation": ATTESTATION_CHANGES, "provenance": PROVENANCE_CHANGES}
        for change, act in of_form[document.form].items():
            it = copy.deepcopy(value)
            try:
                act(it)
            except (Absent, IndexError):
                continue
            made_of(change, json.dumps(it))
        for change, act in TEXT_CHANGES.items():
            made_of(change, act(document.text))
        for change, act in SUBJECT_CHANGES.items():
            if document.form == "bundle" and (subject := act(document.subject)):
                made_of(change, document.text, subject)
    return made


def partner(document, number, cpython, rest):
    """Another true bundle of the same kind of content, whose parts are mixed in. Several cases of the suite
    are one signature in other clothes, so it must have another entry."""
    if document.subject.file is None:
        return json.loads(cpython[(cpython.index(document) + 97) % len(cpython)].text)
    body = f"{ENTRY}/canonicalizedBody"
    mine = json.loads(document.text)
    mine = as_bundle(mine) if document.form == "attestation" else mine
    bundles = [json.loads(it.text) for it in rest if it.form == "bundle"]
    alike = [it for it in bundles if at(it, body) != at(mine, body) and ("dsseEnvelope" in it) == ("dsseEnvelope" in mine)]
    return alike[number % len(alike)]


# Who judges them.


class Judge:
    threads = 1
    folder = None

    def judges(self, document):
        return document.form == "bundle"

    def write(self, document):
        path = self.folder / f"{id(document)}.json"
        path.write_text(document.text)
        return path

    def run(self, *argv, **more):
        done = subprocess.run([str(it) for it in argv], capture_output=True, text=True, **more)
        return done.returncode, (done.stderr + done.stdout).strip()


class Wheelmark(Judge):
    name = "wheelmark"
    threads = 2

    def __init__(self, folder):
        self.program, self.conformance = folder / "wheelmark", folder / "wheelmark-conformance"
        if not (self.program.is_file() and self.conformance.is_file()):
            sys.exit(f"no wheelmark and wheelmark-conformance in {folder}\nhint: cargo build --release --bins")

    def judges(self, document):
        return True

    def judge(self, document):
        subject = document.subject
        if document.form == "bundle":
            path = self.write(document)
            signer = ["--key", subject.key] if subject.key else [
                "--certificate-identity", subject.signer[0], "--certificate-oidc-issuer", subject.signer[1]]
            code, said = self.run(self.conformance, "verify-bundle", "--bundle", path, *signer,
                                  "--trusted-root", subject.root, subject.file or f"sha256:{subject.sha256}")
            path.unlink()
            return code == 0, said
        ending = ".provenance" if document.form == "provenance" else ".publish.attestation"
        folder = self.folder / str(id(document))
        folder.mkdir()
        file = folder / subject.file.name
        shutil.copy(subject.file, file)
        (folder / (subject.file.name + ending)).write_text(document.text)
        signer = ["--source", subject.repository] if subject.repository else [
            "--identity", subject.signer[0], "--issuer", subject.signer[1]]
        code, said = self.run(self.program, "verify", file, "--trust",
                              "staging" if subject.staging else "public-good", *signer)
        shutil.rmtree(folder)
        return code == 0, f"exit {code}: {said}"


class SigstorePython(Judge):
    name = "sigstore-python"

    def __init__(self):
        self.verifiers = {}

    def judges(self, document):
        # It verifies certificates only.
        return document.form == "bundle" and not document.subject.key

    def judge(self, document):
        from sigstore import dsse
        from sigstore.hashes import Hashed
        from sigstore.models import Bundle, TrustedRoot
        from sigstore.verify import Verifier, policy
        from sigstore_models.common.v1 import HashAlgorithm
        subject = document.subject
        try:
            if subject.root not in self.verifiers:
                root = TrustedRoot.from_file(str(subject.root))
                self.verifiers[subject.root] = Verifier(trusted_root=root)
            verifier = self.verifiers[subject.root]
            # As `sigstore verify identity` does.
            signer = policy.Identity(identity=subject.signer[0], issuer=subject.signer[1])
            hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(subject.sha256))
            bundle = Bundle.from_json(document.text)
            if bundle._dsse_envelope:
                kind, payload = verifier.verify_dsse(bundle=bundle, policy=signer)
                if kind != dsse.Envelope._TYPE:
                    return False, f"expected JSON payload for DSSE, got {kind}"
                if not dsse.Statement(payload)._matches_digest(hashed):
                    return False, "no subject for the digest"
            else:
                verifier.verify_artifact(input_=hashed, bundle=bundle, policy=signer)
        except Exception as error:  # noqa: BLE001 (whatever it raises, it does not accept)
            return False, f"{type(error).__name__}: {error}"
        return True, ""


class PypiAttestations(Judge):
    name = "pypi-attestations"

    def __init__(self):
        from sigstore.verify import Verifier
        made = {staging: (Verifier.staging if staging else Verifier.production)(offline=True)
                for staging in (False, True)}
        # It makes one anew for each attestation; here each is made once.
        Verifier.production = classmethod(lambda cls, *, offline=False: made[False])
        Verifier.staging = classmethod(lambda cls, *, offline=False: made[True])

    def judges(self, document):
        return document.form != "bundle"

    def judge(self, document):
        from pypi_attestations import Attestation, Distribution, Provenance
        from pypi_attestations._cli import _check_repository_identity
        from sigstore.verify import policy
        subject = document.subject
        try:
            # As `pypi-attestations verify attestation` and `verify pypi` do.
            file = Distribution.from_file(subject.file)
            if document.form == "attestation":
                signer = policy.Identity(identity=subject.signer[0], issuer=subject.signer[1])
                attestation = Attestation.model_validate_json(document.text)
                attestation.verify(signer, file, staging=subject.staging, offline=True)
                return True, ""
            for bundle in Provenance.model_validate_json(document.text).attestation_bundles:
                _check_repository_identity(expected_repository_url=subject.repository, publisher=bundle.publisher)
                for attestation in bundle.attestations:
                    attestation.verify(bundle.publisher, file, staging=subject.staging, offline=True)
        except SystemExit:
            return False, "another repository"
        except Exception as error:  # noqa: BLE001
            return False, f"{type(error).__name__}: {error}"
        return True, ""


class Cosign(Judge):
    name = "cosign"
    threads = 2

    def __init__(self, program):
        self.program = program

    def judge(self, document):
        subject, path = document.subject, self.write(document)
        signer = ["--key", subject.key] if subject.key else [
            "--certificate-identity", subject.signer[0], "--certificate-oidc-issuer", subject.signer[1]]
        stamps = ["--use-signed-timestamps"] if "rfc3161Timestamps" in document.text else []
        # A home of its own, so that nothing which lies in another's is read. Time running out is no verdict.
        code, said = self.run(self.program, "verify-blob", "--bundle", path, *signer, *stamps,
                              "--trusted-root", subject.root, subject.file or f"sha256:{subject.sha256}",
                              env={"HOME": str(self.folder)}, timeout=60)
        path.unlink()
        return code == 0, said


# What came of it.


def cause(document, peer, unchanged):
    """What a disagreement is grouped by, within a form. Where they disagree on the document as it was before,
    that is what its changes show, too."""
    if document.change and (document.name, document.form) not in unchanged[peer]:
        return document.change
    name = document.name if document.subject.file else "a bundle of CPython"
    return f"{name}, changed" if document.change else name


def kind(document):
    if document.form != "bundle":
        return f"PEP 740 {document.form}"
    try:
        bundle = json.loads(document.text)
    except ValueError:
        return "bundle"
    if document.subject.key:
        return "bundle by key"
    return "DSSE bundle" if "dsseEnvelope" in bundle else "bundle"


def report(documents, judges, arguments):
    peers = [judge.name for judge in judges[1:]]
    groups = collections.defaultdict(list)
    unchanged = {peer: {(it.name, it.form) for it in documents if not it.change and peer in it.said
                        and it.said[peer][0] != it.said["wheelmark"][0]} for peer in peers}
    for document in documents:
        ours = document.said["wheelmark"][0]
        for peer in peers:
            if peer in document.said and document.said[peer][0] != ours:
                who = f"only {peer} refuses" if ours else f"only wheelmark refuses, not {peer}"
                groups[f"{kind(document)}: {cause(document, peer, unchanged)}: {who}"].append(document)
        if document.change and all(accepted for accepted, _ in document.said.values()):
            groups[f"{kind(document)}: {document.change}: all accept"].append(document)
    print("| | documents | wheelmark accepts | both accept | both refuse | only the peer refuses | only wheelmark "
          "refuses |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for peer in peers:
        for what, chosen in (("as they are", [it for it in documents if not it.change]),
                             ("changed", [it for it in documents if it.change])):
            seen = collections.Counter((it.said["wheelmark"][0], it.said[peer][0]) for it in chosen if peer in it.said)
            print(f"| {peer}, {what} | {seen.total()} | {seen[True, True] + seen[True, False]} | {seen[True, True]} | "
                  f"{seen[False, False]} | {seen[True, False]} | {seen[False, True]} |")
    changes = {it.change for it in documents if it.change}
    print(f"\n{len(changes)} kinds of change\n")
    page = PAGE.read_text() if PAGE.exists() else ""
    named = set(re.findall(r"^- `(.+: (?:only .+|all accept))`", page, re.MULTILINE))
    # What only a peer refuses that did not run is what all of the others accept.
    excused = {re.sub(r"only \S+ refuses$", "all accept", it) for it in named
               if it.endswith(" refuses") and it.split()[-2] not in peers}
    for group, members in sorted(groups.items()):
        mark = "" if group in named | excused else "  <- not in docs/differential.md"
        print(f"{len(members):4} {group}{mark}")
        for name in ("wheelmark", *(peer for peer in peers if peer in group.rsplit(": ", 1)[1])):
            accepted, said = members[0].said[name]
            words = " ".join(said.split())
            print(f"       {name}: {'accepts' if accepted else words[:230]}  [{members[0].name}]")
    gone = {it for it in named - set(groups) if any(peer in it.rsplit(": ", 1)[1] for peer in [*peers, "all"])}
    for group in sorted(gone):
        print(f"   0 {group}  <- in docs/differential.md, and not seen")
    if arguments.json:
        arguments.json.write_text(json.dumps([
            {"name": it.name, "form": it.form, "change": it.change, "said": it.said} for it in documents], indent=1))
    return 1 if gone or set(groups) - named - excused else 0


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def note(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
