import json
from importlib.metadata import distributions


def read(distribution, name):
    try:
        return distribution.read_text(name)
    except (OSError, ValueError):
        return None


def direct(distribution):
    """How PEP 610 says that it came from elsewhere than an index. Its URL may hold a password, and is left here."""
    text = read(distribution, "direct_url.json")
    if text is None:
        return None
    try:
        said = json.loads(text)
        if "dir_info" in said:
            return "editable" if said["dir_info"].get("editable") else "folder"
        return "repository" if "vcs_info" in said else "url"
    except (ValueError, AttributeError, TypeError):
        return "url"


found = {}
for distribution in distributions():
    metadata = distribution.metadata
    name = str(metadata["Name"]) if metadata is not None else "?"
    # Of several the first is what is imported.
    found.setdefault(
        name.lower().replace("_", "-").replace(".", "-"),
        {
            "name": name,
            "version": str(metadata["Version"]) if metadata is not None else "?",
            "direct": direct(distribution),
            "wheel": read(distribution, "WHEEL") is not None,
        },
    )
print(json.dumps([found[name] for name in sorted(found)]))
