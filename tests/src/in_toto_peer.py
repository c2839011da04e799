"""in-toto's own Python implementation, as the other side of a comparison.

    in_toto_peer.py make FOLDER WHEEL [NAME]    write cases, or that one, each judged by in-toto, and cases.json
    in_toto_peer.py judge LAYOUT KEY LINKS    say what in-toto says of one
    in_toto_peer.py layout FOLDER KEY [SCRIPT]    write root.layout, in which KEY does the step build and a shell
        with SCRIPT is an inspection, and owner.pub
    in_toto_peer.py match    read [pattern, name] pairs as JSON, write what fnmatch says of each
"""

import copy
import fnmatch
import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
import warnings

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from in_toto import runlib, verifylib
from in_toto.models._signer import load_public_key_from_file
from in_toto.models.layout import Inspection, Layout, Step
from in_toto.models.metadata import Envelope, Metablock, Metadata
from securesystemslib.dsse import Envelope as Dsse
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner, SSlibKey

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")

LATER = "2099-01-01T00:00:00Z"
WHEEL = "dist/demo-1.0-py3-none-any.whl"
A, B, C = ({"sha256": letter * 64} for letter in "abc")


def verdict(layout, keys, links, parameters=None, wheel=None):
    """What in-toto says: None where it accepts, else the error."""
    here = os.getcwd()
    layout, links = os.path.abspath(layout), os.path.abspath(links)
    keys = [os.path.abspath(key) for key in keys]
    # Inspections look at the current folder, which has the wheel and nothing else, and leave links in it.
    folder = tempfile.mkdtemp()
    if wheel:
        shutil.copy(wheel, folder)
    os.chdir(folder)
    try:
        metadata = Metadata.load(layout)
        keys = [load_public_key_from_file(key) for key in keys]
        verifylib.in_toto_verify(
            metadata,
            {key["keyid"]: key for key in keys},
            link_dir_path=links,
            substitution_parameters=parameters,
        )
        return None
    except Exception as error:  # whatever it is, it is no acceptance
        return f"{type(error).__name__}: {error}"[:200]
    finally:
        os.chdir(here)
        shutil.rmtree(folder)


class Key:
    """A key pair, and its public part as layouts have it."""

    def __init__(self, signer):
        self.signer = signer
        self.id = signer.public_key.keyid
        self.public = {**signer.public_key.to_dict(), "keyid": self.id}

    def pem(self):
        value = self.public["keyval"]["public"]
        if self.public["keytype"] != "ed25519":
            return value
        return self.signer._private_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()

    def sign(self, message):
        return bytes.fromhex(self.signer.sign(message).signature)


def ed25519():
    return Key(CryptoSigner.generate_ed25519())


def classic(document, *keys):
    message = encode_canonical(document).encode()
    signatures = [{"keyid": key.id, "sig": key.sign(message).hex()} for key in keys]
    return {"signed": document, "signatures": signatures}


def dsse(document, *keys):
    envelope = Dsse(json.dumps(document).encode(), "application/vnd.in-toto+json", {})
    for key in keys:
        envelope.sign(key.signer)
    return envelope.to_dict()


def link(step, materials=None, products=None, **more):
    return {
        "_type": "link",
        "name": step,
        "materials": materials or {},
        "products": products or {},
        "byproducts": {"return-value": 0, "stdout": "", "stderr": ""},
        "command": [],
        "environment": {},
        **more,
    }


def step(name, *keys, materials=(), products=(), threshold=1, **more):
    return {
        "_type": "step",
        "name": name,
        "expected_materials": [rule.split() for rule in materials],
        "expected_products": [rule.split() for rule in products],
        "expected_command": [],
        "pubkeys": [key.id for key in keys],
        "threshold": threshold,
        **more,
    }


def inspection(name, *run, materials=(), products=(), **more):
    return {
        "_type": "inspection",
        "name": name,
        "expected_materials": [rule.split() for rule in materials],
        "expected_products": [rule.split() for rule in products],
        "run": list(run),
        **more,
    }


def layout(*steps, keys=(), **more):
    return {
        "_type": "layout",
        "steps": list(steps),
        "inspect": [],
        "keys": {key.id: key.public for key in keys},
        "expires": LATER,
        "readme": "",
        **more,
    }


class Cases:
    """The cases, as files and as a list."""

    def __init__(self, folder, wheel, only=None):
        self.folder = folder
        self.path = os.path.abspath(wheel)
        self.only = only
        with open(wheel, "rb") as file:
            content = file.read()
        self.wheel = {"sha256": hashlib.sha256(content).hexdigest()}
        self.made = {WHEEL: self.wheel}
        self.list = []
        self.owner, self.alice, self.bob, self.carl = (ed25519() for _ in range(4))

    def add(self, name, root, links, reason=None, differs=None, keys=None, parameters=None, run=False):
        """A layout's file and the files of links by their paths, each as JSON or as text.

        `reason` is why wheelmark refuses it; `differs` says why the other side does not agree; `run` has it run
        inspections, which the other side always does.
        """
        if self.only not in (None, name):
            return
        place = os.path.join(self.folder, name)
        os.makedirs(os.path.join(place, "links"))
        pems = []
        for number, key in enumerate(keys or [self.owner]):
            pems.append(os.path.join(place, f"key-{number}.pub"))
            write(pems[-1], key.pem())
        path = os.path.join(place, "root.layout")
        write(path, root)
        folder = os.path.join(place, "links")
        for link_path, content in links.items():
            write(os.path.join(folder, link_path), content)
        said = verdict(path, pems, folder, parameters, self.path)
        self.list.append({
            "name": name, "layout": path, "keys": pems, "links": folder,
            "parameters": parameters or {}, "reason": reason, "differs": differs, "peer": said,
            "run": run,
        })

    def simple(self, name, reason=None, *, by=None, form=classic, link_form=None, edit=None,
               edit_layout=None, products=("CREATE " + WHEEL, "DISALLOW *"), materials=(),
               made=None, had=None, parameters=None, differs=None, links=None, owner=None, run=False,
               **more):
        """One step by one key."""
        by, owner = by or self.alice, owner or self.owner
        document = layout(
            step("build", by, products=products, materials=materials, **more), keys=[by]
        )
        if edit_layout:
            edit_layout(document)
        signed = link("build", had, self.made if made is None else made)
        if edit:
            edit(signed)
        links = links if links is not None else {at("build", by): (link_form or form)(signed, by)}
        self.add(name, form(document, owner), links, reason, differs, [owner], parameters, run)


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not isinstance(content, str):
        content = json.dumps(content)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)


def at(name, key, *rest):
    """The path of a link, in the folders of the layouts above it."""
    parts = [(name, key)] + list(zip(rest[::2], rest[1::2]))
    names = [f"{name}.{key.id[:8]}" for name, key in parts]
    return "/".join(names) + ".link"


def make(folder, wheel, only=None):
    cases = Cases(folder, wheel, only)
    accepted(cases)
    refused(cases)
    sublayouts(cases)
    stricter(cases)
    inspections(cases)
    with open(os.path.join(folder, "cases.json"), "w", encoding="utf-8") as file:
        json.dump(cases.list, file)


def accepted(cases):
    owner, alice, bob, carl, simple = (
        cases.owner, cases.alice, cases.bob, cases.carl, cases.simple
    )
    generators = {
        "ed25519": CryptoSigner.generate_ed25519,
        "ecdsa": CryptoSigner.generate_ecdsa,
        "p384": lambda: CryptoSigner.generate_ecdsa(scheme="ecdsa-sha2-nistp384"),
        "p521": lambda: CryptoSigner(ec.generate_private_key(ec.SECP521R1())),
        "rsa": lambda: CryptoSigner.generate_rsa(size=2048),
    }
    for name, generate in generators.items():
        key = Key(generate())
        simple(f"{name}-classic", by=key, owner=key)
        simple(f"{name}-dsse", by=key, owner=key, form=dsse)
    for scheme in ["rsassa-pss-sha512", "rsa-pkcs1v15-sha256"]:
        simple(scheme, by=Key(CryptoSigner.generate_rsa(size=2048, scheme=scheme)))
    simple("classic-layout-dsse-link", link_form=dsse)
    simple("dsse-layout-classic-link", form=dsse, link_form=classic)

    def older(document):
        for key in document["keys"].values():
            key["keyid_hash_algorithms"] = ["sha256", "sha512"]
            key["keyval"] = {**key["keyval"], "private": ""}

    simple("keys-of-older-writers", edit_layout=older)
    text = "tab\t newline\n return\r backslash-n \\n quote \" ß \U0001d41d \x7f \x01 \\\\"
    simple("texts-of-every-kind", edit=lambda it: it["byproducts"].update(stdout=text))
    simple("texts-of-every-kind-dsse", form=dsse, edit=lambda it: it["byproducts"].update(stdout=text))
    simple("another-command", expected_command=["make", "wheel"],
           edit=lambda it: it.update(command=["make", "evil"]))
    simple("a-failed-command", edit=lambda it: it["byproducts"].update({"return-value": 1}))
    simple("keywords-in-lower-case", products=["create dist/*", "disallow *"])
    simple("match-of-no-step", products=["MATCH * WITH PRODUCTS FROM nobody"])
    simple("no-rules", products=[])
    simple("required", products=["REQUIRE " + WHEEL, "ALLOW *"])
    for number, pattern in enumerate([
        "**.whl", "dist/*", "dist/????-1.0*", "[!x]*", "[a-d]ist/*", "dist[/]*", "*[]/]*", "d*t*1*w*l",
    ]):
        simple(f"pattern-{number}", products=["ALLOW " + pattern, "DISALLOW *"])
    had = {"kept": A, "changed": A, "gone": A}
    made = {"kept": A, "changed": B, **cases.made}
    simple("kinds-of-change", had=had, made=made,
           materials=["DELETE gone", "MODIFY *", "ALLOW kept", "DISALLOW *"],
           products=["CREATE dist/*", "MODIFY *", "ALLOW kept", "DISALLOW *"])
    simple("parameters", products=["CREATE dist/{PROJECT}-{a-b}-*.whl", "DISALLOW *"],
           parameters={"PROJECT": "demo", "a-b": "1.0"})
    simple("parameters-escaped", made={**cases.made, "{x}": A}, parameters={"x": "y"},
           products=["CREATE {{x}}", "CREATE dist/*", "DISALLOW *"])

    chain = layout(
        step("source", alice, products=["ALLOW src/*", "DISALLOW *"]),
        step("build", bob, materials=["MATCH * IN src WITH PRODUCTS IN src FROM source", "DISALLOW *"],
             products=["CREATE dist/*", "DISALLOW *"]),
        keys=[alice, bob],
    )
    first = classic(link("source", {}, {"src/a.py": A}), alice)

    def chained(name, materials, reason=None, root=chain):
        second = classic(link("build", materials, cases.made), bob)
        cases.add(name, classic(root, owner),
                  {at("source", alice): first, at("build", bob): second}, reason)

    chained("chain", {"src/a.py": A})
    chained("chain-other-bytes", {"src/a.py": B}, "artifact-disallowed")
    chained("chain-other-name", {"src/b.py": A}, "artifact-disallowed")
    chained("chain-other-folder", {"a.py": A}, "artifact-disallowed")
    moved = copy.deepcopy(chain)
    moved["steps"][1]["expected_materials"][0] = "MATCH *.py IN in/ WITH products IN src FROM source".split()
    chained("chain-moved", {"in/a.py": A}, root=moved)
    chained("chain-moved-pattern", {"in/a.sh": A}, "artifact-disallowed", root=moved)
    chained("chain-moved-not-below", {"inn/a.py": A}, "artifact-disallowed", root=moved)

    three = layout(step("build", alice, bob, carl, products=["ALLOW *"], threshold=2),
                   keys=[alice, bob, carl])
    said = link("build", {}, cases.made)
    other = link("build", {}, {WHEEL: A})

    def counted(name, links, reason=None):
        cases.add(name, classic(three, owner), links, reason)

    counted("two-of-three", {at("build", key): classic(said, key) for key in [alice, carl]})
    counted("three-of-three", {at("build", key): classic(said, key) for key in [alice, bob, carl]})
    counted("one-of-three", {at("build", alice): classic(said, alice)}, "links-too-few")
    counted("two-that-disagree",
            {at("build", alice): classic(said, alice), at("build", bob): classic(other, bob)},
            "links-disagree")
    counted("two-and-a-false-one",
            {at("build", alice): classic(said, alice), at("build", bob): classic(said, bob),
             at("build", carl): {"signed": said, "signatures": [{"keyid": carl.id, "sig": "00" * 64}]}})
    counted("one-key-in-two-files",
            {at("build", key): classic(said, alice) for key in [alice, bob]}, "links-too-few")
    counted("one-file-of-two-keys",
            {at("build", key): classic(said, alice, bob) for key in [alice, bob]})
    relabelled = classic(said, alice)
    relabelled["signatures"][0]["keyid"] = bob.id
    counted("one-key-that-says-it-is-another",
            {at("build", alice): classic(said, alice), at("build", bob): relabelled}, "links-too-few")
    both = layout(step("build", alice, products=["ALLOW *"]), keys=[alice])
    said = {at("build", alice): classic(said, alice)}
    cases.add("two-owners", classic(both, owner, carl), said, keys=[owner, carl])
    cases.add("one-of-two-owners", classic(both, owner), said, "layout-not-signed", keys=[owner, carl])

    # Everything by in-toto's own tools.
    for name, cls in [("own-tools-classic", Metablock), ("own-tools-dsse", Envelope)]:
        place = os.path.join(cases.folder, name + "-work")
        os.makedirs(place)
        write(os.path.join(place, "in.txt"), "in")
        copied = "import shutil,os; os.makedirs('dist'); shutil.copy(%r, %r); print('a\\tb')" % (
            os.path.abspath(sys.argv[3]), WHEEL)
        here = os.getcwd()
        os.chdir(place)
        made = runlib.in_toto_run("build", ["."], ["dist"], [sys.executable, "-c", copied],
                                  record_streams=True, use_dsse=cls is Envelope, signer=alice.signer,
                                  record_environment=True)
        os.chdir(here)
        model = Layout(expires=LATER, keys={alice.id: alice.public}, steps=[
            Step(name="build", pubkeys=[alice.id], expected_materials=[["ALLOW", "in.txt"], ["DISALLOW", "*"]],
                 expected_products=[["CREATE", "dist/*"], ["DISALLOW", "*"]])])
        root = Envelope.from_signable(model) if cls is Envelope else Metablock(signed=model)
        root.create_signature(owner.signer)
        cases.add(name, root.to_dict(), {at("build", alice): made.to_dict()})


def refused(cases):
    owner, alice, bob, simple = cases.owner, cases.alice, cases.bob, cases.simple
    good = layout(step("build", alice, products=["ALLOW *"]), keys=[alice])
    said = link("build", {}, cases.made)
    links = {at("build", alice): classic(said, alice)}

    def root(name, document, reason):
        cases.add(name, document, links, reason)

    def bent(form, bend):
        document = form(copy.deepcopy(good), owner)
        bend(document)
        return document

    root("signed-by-another", classic(good, bob), "layout-not-signed")
    root("signed-by-nobody", classic(good), "layout-not-signed")
    root("changed-after-signing", bent(classic, lambda it: it["signed"].update(readme="x")), "signature-invalid")
    payload = dsse({**good, "readme": "x"}, owner)["payload"]
    root("changed-after-signing-dsse", bent(dsse, lambda it: it.update(payload=payload)), "signature-invalid")
    root("another-payload-type", bent(dsse, lambda it: it.update(payloadType="text/plain")), "layout-malformed")
    root("signed-twice-dsse", bent(dsse, lambda it: it["signatures"].append(it["signatures"][0])),
         "layout-malformed")
    root("key-in-another-case", json.dumps(classic(good, owner)).replace('"signed"', '"Signed"'),
         "layout-malformed")
    root("not-json", "{", "layout-malformed")
    root("a-link-as-layout", classic(said, owner), "layout-malformed")
    relabelled = classic(good, bob)
    relabelled["signatures"][0]["keyid"] = owner.id
    root("signed-by-another-in-its-name", relabelled, "signature-invalid")
    for name, change, reason in [
        ("expired", {"expires": "2020-01-01T00:00:00Z"}, "layout-expired"),
        ("expires-with-offset", {"expires": "2099-01-01T00:00:00+00:00"}, "layout-malformed"),
        ("expires-on-no-day", {"expires": "2099-02-30T00:00:00Z"}, "layout-malformed"),
        ("steps-missing", {"steps": None}, "layout-malformed"),
        ("inspections-missing", {"inspect": None}, "layout-malformed"),
        ("steps-of-one-name", {"steps": good["steps"] * 2}, "layout-malformed"),
    ]:
        root(name, dsse({**good, **change}, owner), reason)
    for name, rule in [
        ("rule-of-no-kind", ["PERMIT", "*"]), ("rule-without-pattern", ["DISALLOW"]),
        ("rule-too-long", ["DISALLOW", "*", "*"]), ("match-without-from", "MATCH * WITH PRODUCTS".split()),
        ("match-with-byproducts", "MATCH * WITH BYPRODUCTS FROM build".split()),
    ]:
        document = copy.deepcopy(good)
        document["steps"][0]["expected_products"] = [rule]
        root(name, classic(document, owner), "layout-malformed")

    simple("no-link", "links-too-few", links={})
    simple("link-of-another-key", "links-too-few", links={at("build", bob): classic(said, bob)})
    simple("link-signed-by-another", "links-too-few", links={at("build", alice): classic(said, bob)})
    changed = classic(said, alice)
    changed["signed"] = link("build", {}, {WHEEL: A})
    simple("link-changed-after-signing", "links-too-few", links={at("build", alice): changed})
    changed = dsse(said, alice)
    changed["payload"] = dsse(link("build", {}, {WHEEL: A}), alice)["payload"]
    simple("link-changed-after-signing-dsse", "links-too-few", links={at("build", alice): changed})
    simple("link-not-json", "link-malformed", links={at("build", alice): "[}"})
    simple("link-of-another-type", "link-malformed", edit=lambda it: it.update(_type="lnk"))
    simple("link-without-lists", "link-malformed", edit=lambda it: it.update(products=[]), form=dsse)
    simple("link-with-a-fraction", "link-malformed", edit=lambda it: it["byproducts"].update(seconds=1.5),
           form=dsse)
    simple("link-digest-not-hexadecimal", "link-malformed", made={WHEEL: {"sha256": "x" * 64}})
    simple("link-in-a-folder", "links-too-few", links={"sub/" + at("build", alice): classic(said, alice)})

    extra = {**cases.made, "evil.py": A}
    simple("disallowed-product", "artifact-disallowed", made=extra)
    simple("disallowed-by-double-star", "artifact-disallowed", made=extra, products=["CREATE dist/*", "DISALLOW **.py"])
    simple("disallowed-material", "artifact-disallowed", had={"x": A}, materials=["DISALLOW *"])
    simple("not-created", "artifact-disallowed", had=cases.made)
    simple("not-modified", "artifact-disallowed", had=cases.made, products=["MODIFY *", "DISALLOW *"])
    simple("not-deleted", "artifact-disallowed", had=cases.made, materials=["DELETE *", "DISALLOW *"])
    simple("required-and-not-there", "artifact-missing", products=["REQUIRE other"])
    simple("required-is-no-pattern", "artifact-missing", products=["REQUIRE dist/*"])
    simple("required-and-taken-before", "artifact-missing", products=["ALLOW *", "REQUIRE " + WHEEL])
    simple("disallowed-first", "artifact-disallowed", products=["DISALLOW *", "ALLOW *"])
    simple("parameter-without-value", "layout-parameter", products=["CREATE {OTHER}"], parameters={"X": "y"})
    simple("parameter-with-a-lone-brace", "layout-parameter", products=["CREATE {X"], parameters={"X": "y"})
    simple("parameter-of-another-value", "artifact-disallowed", parameters={"V": "2.0"},
           products=["CREATE dist/demo-{V}-*", "DISALLOW *"])


def sublayouts(cases):
    owner, alice, bob, carl = cases.owner, cases.alice, cases.bob, cases.carl
    root = layout(step("all", alice, products=["CREATE dist/*", "DISALLOW *"]), keys=[alice])
    inner = layout(step("build", bob, products=["ALLOW *"]), keys=[bob])
    said = classic(link("build", {}, cases.made), bob)

    def add(name, below, by=alice, path=at("all", alice, "build", bob), said=said, reason=None, form=classic):
        cases.add(name, form(root, owner), {at("all", alice): form(below, by), path: said}, reason)

    add("sublayout", inner)
    add("sublayout-dsse", inner, form=dsse)
    add("sublayout-expired", {**inner, "expires": "2020-01-01T00:00:00Z"}, reason="layout-expired")
    add("sublayout-by-another", inner, by=carl, reason="links-too-few")
    add("sublayout-links-beside-it", inner, path=at("build", bob), reason="links-too-few")
    add("sublayout-link-by-another", inner, said=classic(link("build", {}, cases.made), carl),
        reason="links-too-few")
    strict = layout(step("build", bob, products=["DISALLOW *"]), keys=[bob])
    add("sublayout-rule", strict, reason="artifact-disallowed")
    add("sublayout-gives-more", inner, said=classic(link("build", {}, {**cases.made, "evil": A}), bob),
        reason="artifact-disallowed")
    for depth, reason, differs in [
        (3, None, None), (10, "layout-too-large", "layouts in layouts are bounded, so that no chain of them is endless"),
    ]:
        links, path = {}, []
        for level in range(depth):
            name = f"level{level}"
            path += [name, alice]
            last = level == depth - 1
            below = (link(name, {}, cases.made) if last else
                     layout(step(f"level{level + 1}", alice, products=["ALLOW *"]), keys=[alice]))
            links[at(*path)] = classic(below, alice)
        top = layout(step("level0", alice, products=["ALLOW *"]), keys=[alice])
        cases.add(f"sublayouts-{depth}-deep", classic(top, owner), links, reason, differs)


def stricter(cases):
    owner, alice, bob, simple = cases.owner, cases.alice, cases.bob, cases.simple
    said = link("build", {}, cases.made)
    links = {at("build", alice): classic(said, alice)}

    twin = Key(CryptoSigner(alice.signer._private_key, SSlibKey.from_crypto(
        alice.signer._private_key.public_key(), keyid="0123456789abcdef")))
    two = layout(step("build", alice, twin, threshold=2), keys=[alice, twin])
    cases.add("one-key-under-two-ids", classic(two, owner),
              {at("build", key): classic(said, key) for key in [alice, twin]}, "layout-key-twice",
              "one key under two ids is one signer, and meets no threshold of two")
    simple("threshold-of-zero", "layout-malformed", threshold=0,
           differs="a step that nobody need do is no step")
    simple("link-of-another-step", "link-step-mismatch", edit=lambda it: it.update(name="test"),
           differs="a link is of the step that it names, whatever its file is called")
    plain = "one file has one name, or rules know it by another"
    for name, artifact in [("parent", "dist/../evil"), ("absolute", "/evil"), ("dot", "./evil"),
                           ("empty-part", "a//evil"), ("nul", "evil\0"), ("backslash", "a\\evil")]:
        simple(f"artifact-name-{name}", "link-artifact-name", made={**cases.made, artifact: A},
               products=["ALLOW *"], differs=plain)
    simple("artifact-without-digest", "link-malformed", made={**cases.made, "x": {}}, products=["ALLOW *"],
           differs="two artifacts without a digest have nothing in common")
    simple("artifact-by-sha512-only", "link-malformed", made={**cases.made, "x": {"sha512": "a" * 128}},
           products=["ALLOW *"], differs="every artifact has the digest that files are held against")
    twice = json.dumps(classic(layout(step("build", alice, products=["ALLOW *"]), keys=[alice]), owner))
    cases.add("duplicate-json-keys", twice.replace('"readme": ""', '"readme": "x", "readme": ""'), links,
              "layout-malformed", "of two equal keys two readers take different ones")
    text = json.dumps(classic(said, alice))
    simple("duplicate-json-keys-in-a-link", "link-malformed", products=["ALLOW *"],
           links={at("build", alice): text.replace('"products"', '"products": {}, "products"', 1)},
           differs="of two equal keys two readers take different ones")
    unknown = "what is not known may mean something to who wrote it"
    document = layout(step("build", alice), keys=[alice])
    changed = classic(document, owner)
    changed["signed"]["Expires"] = "2020-01-01T00:00:00Z"
    cases.add("unknown-field-after-signing", changed, links, "signature-invalid",
              "a signature is over all that stands there")
    cases.add("unknown-field", dsse({**document, "Expires": "x"}, owner), links, "layout-malformed", unknown)
    simple("unknown-field-of-a-step", "layout-malformed", form=dsse, differs=unknown,
           edit_layout=lambda it: it["steps"][0].update(cert_constraints=[]))
    simple("unknown-field-of-a-link", "link-malformed", form=dsse, differs=unknown,
           edit=lambda it: it.update(Products={}))
    simple("never-expires", "layout-malformed", form=dsse, edit_layout=lambda it: it.pop("expires"),
           differs="a layout without an end does not get one of a month from whenever it is read")
    simple("parameter-and-no-values", "layout-parameter", products=["CREATE dist/*", "DISALLOW {VERSION}"],
           differs="a parameter without a value is no name of a file")
    one = layout(step("build", alice, bob), keys=[alice, bob])
    cases.add("threshold-of-one-and-two-that-disagree", classic(one, owner),
              {**links, at("build", bob): classic(link("build", {}, {WHEEL: A}), bob)}, "links-disagree",
              "of two authorized links neither is believed against the other")
    cases.add("no-steps", classic(layout(keys=[alice]), owner), {}, "layout-malformed",
              "a layout without steps is about no file")
    outside = layout(step("../build", alice), keys=[alice])
    cases.add("step-name-leads-out", classic(outside, owner),
              {"../" + at("build", alice): classic(link("../build", {}, cases.made), alice)},
              "layout-malformed", "the name of a step is a part of a file's name")
    kinds = "links by keys of this kind are not read, and a layout with one is refused as a whole"
    pgp = {"type": "rsa", "method": "pgp+rsa-pkcsv1.5", "hashes": ["pgp+SHA2"], "keyid": "ab" * 20,
           "keyval": {"public": {"e": "010001", "n": "ab"}, "private": ""}}
    simple("key-of-openpgp", "layout-key-unsupported", differs=kinds,
           edit_layout=lambda it: it["keys"].update({pgp["keyid"]: pgp}))
    rsa = Key(CryptoSigner.generate_rsa(size=2048))
    salted = classic(said, rsa)
    longest = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)
    salted["signatures"][0]["sig"] = rsa.signer._private_key.sign(
        encode_canonical(said).encode(), longest, hashes.SHA256()).hex()
    simple("rsa-pss-with-the-longest-salt", "links-too-few", by=rsa, links={at("build", rsa): salted},
           differs="the salt is as long as the digest, as every current signer has it")
    last = "in-toto holds no file against the chain unless an inspection does"
    simple("wheel-of-another-name", "product-unknown", made={"dist/demo-2.0-py3-none-any.whl": cases.wheel},
           products=["ALLOW *"], differs=last)
    simple("wheel-of-other-bytes", "product-digest-mismatch", made={WHEEL: A}, products=["ALLOW *"], differs=last)
    simple("nothing-made", "product-unknown", made={}, products=["ALLOW *"], differs=last)
    earlier = layout(step("build", alice), step("last", bob), keys=[alice, bob])
    cases.add("wheel-of-an-earlier-step", classic(earlier, owner),
              {**links, at("last", bob): classic(link("last", cases.made, {"x": A}), bob)},
              "product-unknown", last)


def inspections(cases):
    alone = ["MATCH *.whl WITH PRODUCTS IN dist FROM build", "DISALLOW *"]
    name = os.path.basename(WHEEL)

    def inspected(case, *inspections, reason=None, run=True, **more):
        cases.simple(case, reason, run=run, edit_layout=lambda it: it.update(inspect=list(inspections)), **more)

    def look(*run, **more):
        return inspection("look", *run, **{"materials": alone, **more})

    def shell(script, **more):
        return look("sh", "-c", script, **more)

    inspected("inspection", look("true", products=alone))
    inspected("inspection-dsse", look("true", products=alone), form=dsse)
    inspected("inspection-without-rules", inspection("look", "true"))
    inspected("inspection-without-a-shell", look("echo", "$(exit 1)", ";", "exit", "1", "|", "false"))
    inspected("inspection-that-reads", shell(f"test -s {name} && head -c 2 {name} | grep -q PK"))
    inspected("inspection-that-makes", shell("mkdir out; cp *.whl out/copy", products=[
        "CREATE out/copy", "REQUIRE " + name, *alone]))
    inspected("inspection-that-copies", shell("mkdir -p out/dist; cp *.whl out/dist", products=[
        "MATCH * IN out/dist WITH PRODUCTS IN dist FROM build", *alone]))
    inspected("inspection-that-changes", shell("echo >>" + name, products=["MODIFY *.whl", "DISALLOW *"]))
    inspected("inspection-that-removes", shell("rm *", materials=["DELETE *.whl", "DISALLOW *"],
                                               products=["DISALLOW *"]))
    more = inspection("more", "sh", "-c", "test -f a && echo b >b", materials=[
        "MATCH * WITH PRODUCTS FROM look", "DISALLOW *"], products=["CREATE b", "MATCH * WITH PRODUCTS FROM look",
                                                                    "DISALLOW *"])
    inspected("inspections-one-after-the-other", shell("echo a >a", products=["CREATE a", *alone]), more)
    inspected("inspection-that-names-a-later-one", shell(
        "echo a >a", products=["MATCH * WITH MATERIALS FROM more", "DISALLOW *"]), more)
    inspected("inspection-with-parameter", shell("test -f demo-{V}-py3-none-any.whl && echo {{}}",
                                                 materials=["ALLOW demo-{V}-*", "DISALLOW *"]), parameters={"V": "1.0"})
    inspected("inspection-with-braces", shell("f=1; test ${f}"))

    failed = "inspection-failed"
    inspected("inspection-failed", look("false"), reason=failed)
    inspected("inspection-failed-dsse", look("false"), reason=failed, form=dsse)
    inspected("inspection-failed-with-status", shell("exit 3"), reason=failed)
    inspected("inspection-killed", shell("kill -9 $$"), reason=failed)
    inspected("inspection-not-found", look("no-such-program"), reason=failed)
    inspected("inspection-of-a-program-that-is-none", look("./" + name), reason=failed)
    inspected("inspection-failed-later", look("true"), inspection("more", "false"), reason=failed)
    inspected("inspection-failed-before", look("false"), inspection("more", "true"), reason=failed)
    inspected("inspection-failed-with-parameter", shell("exit {V}"), reason=failed, parameters={"V": "1"})
    inspected("inspection-parameter-without-value", shell("exit {W}"), reason="layout-parameter",
              parameters={"V": "1"})
    inspected("inspection-that-leaves-more", shell("echo x >evil", products=alone), reason="artifact-disallowed")
    inspected("inspection-of-more-than-may-be", look("true", materials=["DISALLOW *"]),
              reason="artifact-disallowed")
    inspected("inspection-of-another-file", look("true", materials=["REQUIRE other.whl"]), reason="artifact-missing")
    inspected("inspection-that-gives-nothing", look("true", products=["REQUIRE out"]), reason="artifact-missing")
    inspected("inspection-that-changes-what-it-may-not", shell("echo >>" + name, products=alone),
              reason="artifact-disallowed")
    inspected("inspection-that-finds-more", shell("mkdir out; cp *.whl out/other.whl", products=[
        "MATCH * IN out WITH PRODUCTS IN dist FROM build", *alone]), reason="artifact-disallowed")
    inspected("inspection-after-a-rule-that-fails", look("true"), reason="artifact-disallowed",
              products=["DISALLOW *"])
    inspected("inspection-without-command", look(), reason="layout-malformed")
    inspected("inspection-of-a-text", look(run="true"), reason="layout-malformed")
    inspected("inspection-of-another-type", look("true", _type="step"), reason="layout-malformed")
    inspected("inspection-with-a-rule-of-no-kind", look("true", products=["PERMIT *"]), reason="layout-malformed")
    inspected("inspections-of-one-name", look("true"), look("true"), reason="layout-malformed")

    inspected("inspections", look("true"), run=False, reason="layout-inspections",
              differs="no command of a layout is run unless that is asked for")
    inspected("inspection-of-a-step's-name", inspection("build", "true", products=["MATCH * WITH PRODUCTS FROM build"]),
              reason="layout-malformed")
    inspected("inspection-named-as-a-path", inspection("a/b", "true"), reason="layout-malformed")
    inspected("inspection-unknown-field", look("true", shell=True), form=dsse, reason="layout-malformed",
              differs="what is not known may mean something to who wrote it")
    inspected("inspection-that-leaves-what-is-not-recorded", shell("echo x >evil.pyc", products=alone),
              reason="artifact-disallowed", differs="whatever an inspection leaves is recorded")
    inspected("inspection-of-a-file-of-another-name", look("true", materials=()), reason="product-unknown",
              made={"dist/demo-2.0-py3-none-any.whl": cases.wheel}, products=["ALLOW *"],
              differs="nothing is run over a file that the last step did not give")
    owner, alice, bob = cases.owner, cases.alice, cases.bob
    root = layout(step("all", alice, products=["ALLOW *"]), keys=[alice])
    inner = layout(step("build", bob, products=["ALLOW *"]), keys=[bob], inspect=[inspection("look", "true")])
    cases.add("inspection-of-a-sublayout", classic(root, owner), {
        at("all", alice): classic(inner, alice),
        at("all", alice, "build", bob): classic(link("build", {}, cases.made), bob),
    }, "layout-inspections", "only who signed the outermost layout has commands run", run=True)


def main():
    verb, *rest = sys.argv[1:]
    if verb == "make":
        make(*rest)
    elif verb == "judge":
        layout_path, key, folder = rest
        print(json.dumps(verdict(layout_path, [key], folder)))
    elif verb == "layout":
        folder, path, *script = rest
        owner, key = ed25519(), load_public_key_from_file(path)
        build = Step(name="build", pubkeys=[key["keyid"]],
                     expected_materials=[["ALLOW", "src/*"], ["DISALLOW", "*"]],
                     expected_products=[["CREATE", "dist/*.whl"], ["DISALLOW", "*"]])
        looks = [Inspection(name="look", run=["sh", "-c", it]) for it in script]
        root = Metablock(signed=Layout(expires=LATER, keys={key["keyid"]: key}, steps=[build], inspect=looks))
        root.create_signature(owner.signer)
        write(os.path.join(folder, "root.layout"), root.to_dict())
        write(os.path.join(folder, "owner.pub"), owner.pem())
    elif verb == "match":
        pairs = json.load(sys.stdin)
        print(json.dumps([fnmatch.fnmatchcase(name, pattern) for pattern, name in pairs]))
    else:
        sys.exit(__doc__)


main()
