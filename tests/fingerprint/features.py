"""What a wheel shows of the tool that made it: docs/fingerprints.md defines every value that is computed here."""

import calendar
import csv
import re
import struct
import time
import zipfile

CLASSIFIERS = ["Topic", "Programming", "Intended"]  # as the probe gives them
URLS = ["Wiki", "Chat", "Zulip", "Blog", "Forum", "Mail", "Source", "Issues"]
METHODS = {0: "stored", 8: "deflate"}
HEAD_ONLY = re.compile(r"^([A-Za-z][A-Za-z0-9-]*):(?: (.*)|)$")
REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?P<space>\s*)(?P<extras>\[[^\]]*\])?"
                         r"(?P<gap>\s*)(?P<rest>[^;]*?)(?:\s*;\s*(?P<marker>.*))?$")


class Wheel:
    """A wheel's members in the order of the archive, with their bytes."""

    def __init__(self, path):
        with zipfile.ZipFile(path) as archive:
            self.members = sorted(archive.infolist(), key=lambda member: member.header_offset)
            self.bytes = {member.filename: archive.read(member) for member in self.members}
        self.file = path.name
        with open(path, "rb") as archive:
            self.local = {member.filename: local_extra(archive, member) for member in self.members}
        self.names = [member.filename for member in self.members]
        self.info = next(name.split("/")[0] for name in self.names if name.split("/")[0].endswith(".dist-info"))

    def text(self, name):
        return self.bytes[f"{self.info}/{name}"].decode("utf-8")

    def has(self, name):
        return f"{self.info}/{name}" in self.bytes

    def member(self, end):
        """The one member whose name ends so, or None."""
        found = [member for member in self.members if member.filename.endswith(end)]
        return found[0] if found else None


def local_extra(archive, member):
    """The ids of the extra fields of a member's local header."""
    archive.seek(member.header_offset)
    head = archive.read(30)
    name, extra = struct.unpack("<HH", head[26:30])
    archive.seek(name, 1)
    return extra_ids(archive.read(extra))


def extra_ids(data):
    ids = []
    while len(data) >= 4:
        kind, size = struct.unpack("<HH", data[:4])
        ids.append(f"{kind:04x}")
        data = data[4 + size:]
    return ids


def features(bare, full, readme, source_time):
    """What two builds of the probe show: `bare` without author, as the clock goes; `full` with every field and an epoch.

    Each is (wheel, facts), facts having `started`, `ended` (seconds of the clock), `offset` (seconds that local time
    is ahead) and `epoch`. The listing of folders is sorted in the one and reversed in the other.
    """
    (first, facts), (second, facts_full) = bare, full
    found = {
        "generator": generator(first),
        "names": {"file": first.file.split("-")[0], "folder": first.info.split("-")[0],
                  "metadata": value(first, "Name")},
        "metadata": metadata(first, second, readme),
        "requires": varying(requires(first), requires(second)),
        "licenses": licenses(first),
        "dist_info": listing(dist_info(first), dist_info(second)),
        "order": listing(order(first), order(second)),
        "groups": listing(groups(first), groups(second)),
        "folders": any(name.endswith("/") for name in first.names),
        "modes": modes(first),
        "times": times(first, facts, source_time),
        "times_with_epoch": times(second, facts_full, source_time),
        "zip": headers(first),
        "record": record(first),
        "wheel": {"fields": fields(first.text("WHEEL")), "end": newlines(first.text("WHEEL"))},
        "entry_points": entry_points(first),
        "script": script(first),
        "data_file": place(first, "probe.conf"),
    }
    return found


def generator(wheel):
    return re.search(r"(?m)^Generator: (.*?)\r?$", wheel.text("WHEEL")).group(1)


def head(text):
    """The header of METADATA as (name, value) with continuation lines, and the text after the first empty line."""
    lines = text.split("\n")
    pairs = []
    for place, line in enumerate(lines):
        line = line.rstrip("\r")
        if line == "":
            return pairs, "\n".join(lines[place + 1:])
        match = HEAD_ONLY.match(line)
        if match and line[0] not in " \t":
            pairs.append([match.group(1), match.group(2) or ""])
        elif pairs:
            pairs[-1][1] += "\n" + line
    return pairs, ""


def fields(text):
    return list(dict.fromkeys(name for name, _ in head(text)[0]))


def value(wheel, name):
    return next((value for key, value in head(wheel.text("METADATA"))[0] if key == name), None)


def values(wheel, name):
    return [value for key, value in head(wheel.text("METADATA"))[0] if key == name]


def newlines(text):
    return len(text) - len(text.rstrip("\n"))


def metadata(first, second, readme):
    text = first.text("METADATA")
    pairs, _ = head(text)
    names = [name for name, _ in pairs]
    return {
        "version": value(first, "Metadata-Version"),
        "fields": fields(second.text("METADATA")),
        "unknown": [name for name, content in pairs if content == "UNKNOWN"],
        "license_file": "License-File" in names,
        "dynamic": values(first, "Dynamic"),
        "extras": extras_among(names),
        "keywords": (value(first, "Keywords") or "").replace("alpha", "").replace("beta", "") or None,
        "classifiers": given(values(first, "Classifier"), CLASSIFIERS),
        "urls": given(values(first, "Project-URL"), URLS),
        "end_of_line": "\r\n" if "\r\n" in text else "\n",
        "description": description(text, pairs, readme),
    }


def extras_among(names):
    """How Provides-Extra stands among Requires-Dist."""
    kinds = [name for name in names if name in ("Requires-Dist", "Provides-Extra")]
    runs = [kind for place, kind in enumerate(kinds) if place == 0 or kinds[place - 1] != kind]
    if len(runs) < 2:
        return None
    if len(runs) > 2:
        return "mixed"
    return "first" if runs[0] == "Provides-Extra" else "last"


def given(found, order):
    """Whether entries are sorted or in the order of the probe; `order` has what they begin with."""
    if not found:
        return None
    if found == sorted(found):
        return "sorted"
    said = [next((at for at, name in enumerate(order) if one.startswith(name)), -1) for one in found]
    return "given" if said == sorted(said) else "other"


def description(text, pairs, readme):
    body = text.split("\n\n", 1)[1] if "\n\n" in text else ""
    header = next((content for name, content in pairs if name == "Description"), None)
    if body.strip():
        found = {"place": "body", "before": 1 + len(body) - len(body.lstrip("\n")), "end": newlines(text)}
        found["text"] = "same" if body.strip() == readme.strip() else "changed"
        return found
    found = {"place": "none" if header in (None, "UNKNOWN") else "header", "end": newlines(text)}
    if header and header != "UNKNOWN":
        found["indent"] = re.match(r"[ |]*", header.split("\n")[1]).group(0)
    return found


def requires(wheel):
    """The spelling of Requires-Dist and Provides-Extra; `sample` is the lines themselves."""
    lines = values(wheel, "Requires-Dist")
    extras = values(wheel, "Provides-Extra")
    if not lines:
        return None
    parsed = [match.groupdict() for match in map(REQUIREMENT.match, lines) if match]
    bounded = [one for one in parsed if one["rest"].strip()]
    many = next((one["rest"].strip("() ") for one in bounded if "," in one["rest"]), "")
    marked = [one for one in parsed if one["marker"]]
    found = {
        "form": only("parens" if one["rest"].startswith("(") else "bare" for one in bounded),
        "space": only(bool(one["gap"] or one["space"]) for one in bounded),
        "comma": only([", " if ", " in many else ","] if many else []),
        "specifiers": specifiers(many),
        "semicolon": only(re.search(r"\s*;\s*", line).group(0) for line in lines if ";" in line),
        "marker_variable": only(re.findall(r"python(?:_full)?_version", "\n".join(lines))),
        "marker_quotes": only(re.findall(r"python(?:_full)?_version\s*<\s*(['\"])", "\n".join(lines))),
        "marker_spaces": only(" " in text for text in re.findall(r"python(?:_full)?_version(\s*<\s*)['\"]", "\n".join(lines))),
        "marker_parens": only("(" in one["marker"] for one in marked if " and " in one["marker"]),
        "extra_quotes": only(re.findall(r"extra\s*==\s*(['\"])", "\n".join(lines))),
        "extra_spaces": only(" " in text for text in re.findall(r"extra(\s*==\s*)['\"]", "\n".join(lines))),
        "extra_place": only("first" if one["marker"].lstrip("( ").startswith("extra") else "last"
                            for one in marked if " and " in one["marker"]),
        "name": only(spelling(one["name"], "Foo_Bar") for one in parsed if "bar" in one["name"].lower()),
        "extra": only(spelling(name, "Test_Extra") for name in extras if "test" in name.lower()),
        "extra_in_marker": only(spelling(name, "Test_Extra") for name in
                                re.findall(r"extra\s*==\s*['\"]([Tt]est[^'\"]*)", "\n".join(lines))),
        "sorted": lines == sorted(lines),
        "twice": len(set(extras)) < len(extras),
        "sample": lines + [f"Provides-Extra: {name}" for name in extras],
    }
    return {key: said for key, said in found.items() if said is not None}


def varying(first, second):
    """What both builds show; "varies" where they differ, as with the order of a Python set."""
    if not first or not second:
        return first
    return {key: said if second.get(key) == said else "varies" for key, said in first.items()}


def only(found):
    """The one value that all have, "mixed" where they differ, None where there is none."""
    distinct = list(dict.fromkeys(found))
    return (distinct[0] if len(distinct) == 1 else "mixed") if distinct else None


def specifiers(text):
    parts = [part.strip() for part in text.split(",")]
    if len(parts) < 2:
        return None
    if parts == sorted(parts):
        return "sorted"
    return "reversed" if parts == sorted(parts, reverse=True) else "other"


def spelling(found, name):
    """How a name given as `name` is spelled."""
    rules = {"given": name, "dashes": name.replace("_", "-"), "lower": name.lower(),
             "normal": name.lower().replace("_", "-")}
    return next((rule for rule, text in rules.items() if text == found), found)


def licenses(wheel):
    """Where each licence file of the probe is below the dist-info folder."""
    below = [name[len(wheel.info) + 1:] for name in wheel.names if name.startswith(wheel.info + "/")]
    return [name for name in below if name.split("/")[-1] in ("LICENSE", "AUTHORS")]


def dist_info(wheel):
    return [name[len(wheel.info) + 1:] for name in wheel.names if name.startswith(wheel.info + "/")]


def listing(first, second):
    """What the first build shows, told as depending on the order of folders where the other, reversed, differs."""
    if first == second:
        return first
    return {"listing": sorted(first) if isinstance(first, list) else True}


def kind(name):
    top = name.split("/")[0]
    return "dist-info" if top.endswith(".dist-info") else "data" if top.endswith(".data") else "package"


def rule(names):
    """The rule that an order of files follows, the first of those that hold."""
    parts = [name.split("/") for name in names]

    def by(folder, file):
        return sorted(parts, key=lambda one: [(folder, part) for part in one[:-1]] + [(file, one[-1])])

    if names == sorted(names):
        return "path"
    if parts == sorted(parts):
        return "parts"
    if parts == by(1, 0):
        return "files-first"
    return "folders-first" if parts == by(0, 1) else "other"


def files(wheel, *kinds):
    """Names of the members of these kinds in the order of the archive; `below` is what is in folders of dist-info."""
    def kind_of(name):
        return "below" if kind(name) == "dist-info" and name.count("/") > 1 else kind(name)

    return [name for name in wheel.names if not name.endswith("/") and kind_of(name) in kinds]


def order(wheel):
    return rule(files(wheel, "package"))


def groups(wheel):
    """How the package's files lie to those of the data folder, of dist-info, and of folders in dist-info."""
    package, data, info, below = (files(wheel, one) for one in ("package", "data", "dist-info", "below"))
    place = {name: at for at, name in enumerate(wheel.names)}
    within = rule(package)

    def lies(names, others):
        if not names or not others:
            return None
        if max(place[name] for name in names) < min(place[name] for name in others):
            return "before"
        return "after" if min(place[name] for name in names) > max(place[name] for name in others) else "mixed"

    # A folder that is walked with the others comes where its name has it: what a fixed order shows only by chance.
    def among(*kinds):
        return within != "other" and rule(files(wheel, "package", *kinds)) == within

    found = {
        "data": "among" if data and among("data") else lies(data, package),
        "dist_info": lies(info, package + data),
        "dist_info_folders": "among" if below and lies(below, package) != "after" and among("data", "below")
        else lies(below, package + data),
    }
    return {name: said for name, said in found.items() if said}


def told(wheel):
    """The members that stand for their kind."""
    found = {
        "package": wheel.member("probe/__init__.py"),
        "script": wheel.member("scripts/probe-script"),
        "data": wheel.member("probe.conf"),
        "license": wheel.member("/LICENSE"),
        "METADATA": wheel.member(f"{wheel.info}/METADATA"),
        "WHEEL": wheel.member(f"{wheel.info}/WHEEL"),
        "RECORD": wheel.member(f"{wheel.info}/RECORD"),
    }
    return {name: member for name, member in found.items() if member}


def mode(member):
    low = member.external_attr & 0xFFFF
    return f"{member.external_attr >> 16:o}" + (f"/{low:x}" if low else "")


def modes(wheel):
    """The octal mode with its type bits; after a slash the MS-DOS attributes in hexadecimal, where not 0."""
    return {name: mode(member) for name, member in told(wheel).items()}


def times(wheel, facts, source_time):
    return {name: moment(member, facts, source_time) for name, member in told(wheel).items()
            if name not in ("script", "data", "license")}


def moment(member, facts, source_time):
    """What a member's time is: of the source, the epoch or the clock, in local time or UTC, or a constant."""
    stamp = calendar.timegm(member.date_time + (0, 0, 0))
    for zone, ahead in (("utc", 0), ("local", facts["offset"])):
        for name, moment in (("source", source_time), ("epoch", facts["epoch"])):
            if moment is not None and stamp == (moment + ahead) // 2 * 2:
                return f"{name}:{zone}"
        if facts["started"] - 3 <= stamp - ahead <= facts["ended"] + 3:
            return f"clock:{zone}"
    return "constant:" + time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp))


def header(wheel, member):
    ids = "+".join(wheel.local[member.filename]) or "-", "+".join(extra_ids(member.extra)) or "-"
    method = METHODS.get(member.compress_type, str(member.compress_type))
    return (f"{method} flags={member.flag_bits:x} system={member.create_system} made={member.create_version} "
            f"needs={member.extract_version} local={ids[0]} central={ids[1]}")


def headers(wheel):
    """The zip headers: one line where all members have the same, else by kind of member."""
    lines = {member.filename: header(wheel, member) for member in wheel.members if not member.filename.endswith("/")}
    if len(set(lines.values())) == 1:
        return {"all": next(iter(lines.values()))}
    kinds = {group: only(line for name, line in lines.items() if kind(name) == group)
             for group in ("package", "data", "dist-info")}
    if "mixed" not in kinds.values():
        return {group: line for group, line in kinds.items() if line}
    return {name: lines[member.filename] for name, member in told(wheel).items()}


def record(wheel):
    text = wheel.text("RECORD")
    rows = list(csv.reader(text.splitlines()))
    own = f"{wheel.info}/RECORD"
    others = [row[0] for row in rows if row[0] != own]
    mine = next((row[1:] for row in rows if row[0] == own), None)
    members = [name for name in wheel.names if name != own and not name.endswith("/")]
    return {
        "hash": only(row[1].split("=")[0] for row in rows if row[0] != own and row[1]),
        "padding": any(row[1].endswith("=") for row in rows),
        "own": "none" if mine is None else "empty" if not any(mine) else "filled",
        "last": bool(rows) and rows[-1][0] == own,
        "order": "archive" if others == members else "path" if others == sorted(others) else "other",
        "end_of_line": "\r\n" if "\r\n" in text else "\n",
    }


def entry_points(wheel):
    if not wheel.has("entry_points.txt"):
        return None
    text = wheel.text("entry_points.txt")
    return {"spaces": " = " in text, "start": len(text) - len(text.lstrip("\n")), "end": newlines(text)}


def place(wheel, end):
    """Where a file is, with `*` for the name and version of the project; None where it is nowhere."""
    member = wheel.member(end)
    return member and re.sub(r"^[^/]*\.(data|dist-info)/", r"*.\1/", member.filename)


def script(wheel):
    where = place(wheel, "probe-script")
    if where is None:
        return None
    first = wheel.bytes[wheel.member("probe-script").filename].split(b"\n")[0].decode()
    return {"place": where, "first_line": first}
