"""Which releases are built, by which Python and beside what: tried in the order of the attempts, the first that builds counts."""

import dataclasses

ALWAYS = "99999"
HOOKS = {
    "setuptools": "setuptools.build_meta", "hatchling": "hatchling.build", "flit": "flit_core.buildapi",
    "flit-before-data": "flit_core.buildapi",
    "flit-metadata": "flit_core.buildapi", "flit-metadata-old": "flit.buildapi", "flit-plain": "flit.buildapi",
    "poetry": "poetry.core.masonry.api", "poetry-project": "poetry.core.masonry.api",
    "pdm": "pdm.backend", "pdm-before-data": "pdm.backend", "pdm-pep517": "pdm.pep517.api", "pdm-pep517-plain": "pdm.pep517.api",
    "pdm-metadata": "pdm.pep517.api",
    "uv_build": "uv_build", "maturin": "maturin", "scikit-build-core": "scikit_build_core.build", "meson-python": "mesonpy",
}
HOOK = "import importlib, sys; importlib.import_module(sys.argv[1]).build_wheel(sys.argv[2])"


@dataclasses.dataclass
class Series:
    """Releases from `first` to before `below`, built alike."""

    name: str
    recipes: list
    pythons: list
    beside: list = dataclasses.field(default_factory=lambda: [{}])
    first: str = "0"
    below: str = ALWAYS
    licences: list = dataclasses.field(default_factory=lambda: ["table"])

    def attempts(self):
        return [(python, beside, recipe, licence) for recipe in self.recipes for licence in self.licences
                for beside in self.beside for python in self.pythons]


@dataclasses.dataclass
class Backend:
    """A backend and its package on the index."""

    package: str
    series: list
    extra: str = ""

    @property
    def wanted(self):
        """The requirement without its version."""
        return self.package + self.extra

    def command(self, recipe):
        if recipe == "setup.py":
            return ["setup.py", "-q", "bdist_wheel", "-d", "{out}"]
        if recipe == "flit-ini":
            return ["-m", "flit", "wheel"]
        return ["-c", HOOK, HOOKS[recipe], "{out}"]


def wheel(*versions):
    return [{"wheel": version} for version in versions]


OLD, ALL = ["3.7", "3.9"], ["3.7", "3.9", "3.11", "3.13"]
BOTH = ["table", "expression"]

BACKENDS = {
    "setuptools": Backend("setuptools", [
        Series("setup.py", ["setup.py"], ALL, wheel("0.37.1", "0.33.6", "0.29.0"), "20", "70.1"),
        Series("setup.py", ["setup.py"], ALL, first="70.1"),
        Series("pyproject", ["setuptools"], ALL, wheel("0.37.1"), "61", "70.1", BOTH),
        Series("pyproject", ["setuptools"], ALL, first="70.1", licences=BOTH),
    ]),
    "wheel": Backend("wheel", [
        Series("setup.py", ["setup.py"], OLD, [{"setuptools": "50.0.0"}, {"setuptools": "40.0.0"}], "0.24"),
    ]),
    "hatchling": Backend("hatchling", [Series("pyproject", ["hatchling"], ALL, licences=BOTH)]),
    "flit": Backend("flit", [
        Series("flit.ini", ["flit-ini"], OLD, below="0.12"),
        Series("pyproject", ["flit-plain"], OLD, first="0.12", below="2"),
    ]),
    "flit-core": Backend("flit-core", [
        Series("tool.flit.metadata", ["flit-metadata", "flit-metadata-old"], ALL, below="4"),
        Series("pyproject", ["flit", "flit-before-data"], ALL, first="3.2", licences=BOTH),
    ]),
    "poetry-core": Backend("poetry-core", [
        Series("tool.poetry", ["poetry"], ALL),
        Series("pyproject", ["poetry-project"], ALL, first="2", licences=BOTH),
    ]),
    "pdm-backend": Backend("pdm-backend", [Series("pyproject", ["pdm", "pdm-before-data"], ALL, licences=BOTH)]),
    "pdm-pep517": Backend("pdm-pep517", [
        Series("pyproject", ["pdm-pep517", "pdm-pep517-plain"], ["3.7", "3.9"], first="0.3", licences=BOTH),
        Series("tool.pdm", ["pdm-metadata"], ["3.7", "3.9"], below="0.3"),
    ]),
    "uv_build": Backend("uv_build", [Series("pyproject", ["uv_build"], ["3.11"], licences=BOTH)]),
    "scikit-build-core": Backend("scikit-build-core", [
        Series("pyproject", ["scikit-build-core"], ["3.9", "3.11"], licences=BOTH),
    ], "[pyproject]"),
    "meson-python": Backend("meson-python", [
        Series("pyproject", ["meson-python"], ["3.9", "3.11"], [{}, *wheel("0.37.1")], licences=BOTH),
    ]),
    "maturin": Backend("maturin", [Series("pyproject", ["maturin"], ["3.11"], licences=BOTH)]),
}
NOTES = []

NOTES = [
    "Only releases that have a wheel and are no pre-release are built.",
    "What a release needs besides itself is taken as it was 30 days after its upload, or where it does not install or "
    "build so, as it was on `as_of`: the range says `late`. `beside` names what was pinned.",
    "Built on Linux, from a tree with the listing of folders sorted (bare) and reversed (full), umask 027.",
]
