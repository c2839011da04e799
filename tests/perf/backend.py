"""A build backend for the measurements: makes a wheel of a size that is asked for, by streaming.

Its project's `wheel.json` lists the members: name, bytes, kind (`random` or `text`), and whether they are
deflated. The content comes from a fixed seed, so that the same commit gives the same wheel.
"""

import base64
import hashlib
import json
import random
import zipfile

CLOCK = (2020, 2, 2, 0, 0, 0)
PIECE = 1 << 20


def pieces(kind, size, seed):
    """The bytes of a member, at most a megabyte at a time."""
    source = random.Random(seed)
    words = [source.randbytes(source.randrange(1, 5)).hex() for _ in range(500)]
    while size > 0:
        if kind == "random":
            piece = source.randbytes(min(PIECE, size))
        else:
            piece = " ".join(source.choices(words, k=PIECE // 8)).encode()[:size]
        size -= len(piece)
        yield piece


def add(archive, name, content, method):
    """Writes one member and returns its row of RECORD."""
    info = zipfile.ZipInfo(name, CLOCK)
    info.compress_type = method
    info.external_attr = 0o100644 << 16
    digest, size = hashlib.sha256(), 0
    with archive.open(info, "w") as member:
        for piece in content:
            member.write(piece)
            digest.update(piece)
            size += len(piece)
    encoded = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
    return f"{name},sha256={encoded},{size}\n"


def build_wheel(folder, config_settings=None, metadata_directory=None):
    """The hook of PEP 517."""
    with open("wheel.json", encoding="utf-8") as file:
        wanted = json.load(file)
    name = f"{wanted['name']}-1.0-py3-none-any.whl"
    info = f"{wanted['name']}-1.0.dist-info"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as archive:
        rows = []
        for seed, member in enumerate(wanted["members"]):
            method = zipfile.ZIP_DEFLATED if member["deflated"] else zipfile.ZIP_STORED
            content = pieces(member["kind"], member["bytes"], seed)
            rows.append(add(archive, f"{wanted['name']}/{member['name']}", content, method))
        metadata = f"Metadata-Version: 2.1\nName: {wanted['name']}\nVersion: 1.0\n"
        wheel = "Wheel-Version: 1.0\nGenerator: perf\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        for file, text in [("METADATA", metadata), ("WHEEL", wheel)]:
            rows.append(add(archive, f"{info}/{file}", [text.encode()], zipfile.ZIP_DEFLATED))
        record = "".join([*rows, f"{info}/RECORD,,\n"])
        add(archive, f"{info}/RECORD", [record.encode()], zipfile.ZIP_DEFLATED)
    return name
