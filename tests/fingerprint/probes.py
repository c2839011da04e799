"""The probe project, written for each build backend: a bare one without author, and a full one with every field."""

import os

SOURCE_TIME = 1551758768  # 2019-03-05T04:06:08Z, even, as zip counts in steps of two seconds
README = "# Probe\n\nFirst line, é.\n\n    indented\n\nlast line\n\n\n"
FILES = {
    "README.md": README,
    "LICENSE": "The licence of the probe.\n",
    "AUTHORS": "Its authors.\n",
    "probe/__init__.py": '"""The probe."""\n\n__version__ = "1.0"\n',
    "probe/zeta.py": "def main():\n    pass\n",
    "probe/Upper.py": "",
    "probe/data.json": "{}\n",
    "probe/data/__init__.py": "",
    "probe/sub/__init__.py": "",
    "probe/sub/deep/__init__.py": "",
    "probe/sub/deep/leaf.py": "",
    "scripts/probe-script": "#!/usr/bin/env python3\nprint()\n",
    "etc/probe.conf": "a = 1\n",
}
PACKAGES = ["probe", "probe.data", "probe.sub", "probe.sub.deep"]
CLASSIFIERS = ["Programming Language :: Python :: 3", "Intended Audience :: Developers"]
REQUIRES = ["Foo_Bar>=1.0,!=1.5,<2", "zope.Interface", "Extra.One[Alpha_Beta,gamma]>=2"]
EXTRAS = {"Test_Extra": ["PyTest>=3,<9"], "b": ["attrs"]}

SETUP = '''from setuptools import setup
setup(
    name="Foo.Probe",
    version="1.0",
    description="A probe",
    long_description=open("README.md", encoding="utf-8").read(),
    long_description_content_type="text/markdown",
    keywords=["beta", "alpha"],
    classifiers={classifiers!r},
    project_urls={{"Source": "https://example.org/s", "Issues": "https://example.org/i"}},
    packages={packages!r},
    package_data={{"probe": ["data.json"]}},
    data_files=[("etc", ["etc/probe.conf"])],
    scripts=["scripts/probe-script"],
    entry_points={{"console_scripts": ["probe = probe.zeta:main"]}},
    install_requires={requires!r},
    extras_require={extras!r},
    python_requires=">=3.6",
    zip_safe=False,
{full})
'''
SETUP_FULL = '''    author="A", author_email="a@example.org", maintainer="M", maintainer_email="m@example.org",
    url="https://example.org", download_url="https://example.org/d", license="MIT", platforms=["any"],
'''

PROJECT = """[project]
name = "Foo.Probe"
version = "1.0"
description = "A probe"
readme = "README.md"
requires-python = ">=3.6"
keywords = ["beta", "alpha"]
classifiers = ["Programming Language :: Python :: 3", "Intended Audience :: Developers"]
dependencies = [
  "Foo_Bar>=1.0,!=1.5,<2",
  "zope.Interface",
  "Extra.One[Alpha_Beta,gamma]>=2",
  "futures; python_version<'3'",
]
{full}
[project.optional-dependencies]
Test_Extra = ["PyTest>=3,<9", "mock; python_version<'3.3'"]
b = ["attrs"]
[project.urls]
Source = "https://example.org/s"
Issues = "https://example.org/i"
{urls}
[project.scripts]
probe = "probe.zeta:main"
"""
AUTHORS = """authors = [{name = "A", email = "a@example.org"}]
maintainers = [{name = "M", email = "m@example.org"}]
"""
URLS = 'Homepage = "https://example.org"\nDownload = "https://example.org/d"'

URLS_MORE = ["Wiki", "Chat", "Zulip", "Blog", "Forum", "Mail"]


def lay(folder, recipe, full, licence):
    """Write the probe of a recipe into a new folder; `licence` is the line of `[project]` that says the licence."""
    for name, text in {**FILES, **RECIPES[recipe](full, licence)}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        path.chmod(0o640)
    (folder / "scripts/probe-script").chmod(0o750)
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (SOURCE_TIME, SOURCE_TIME))


def readme(recipe):
    """The long description that a recipe's project has."""
    files = RECIPES[recipe](False, "")
    return files.get("README.rst", README)


def setup_py(full, _):
    extras = {**EXTRAS, "Test_Extra:python_version<'3.3'": ["mock"], ":python_version<'3'": ["futures"]}
    return {"setup.py": SETUP.format(full=SETUP_FULL if full else "", packages=PACKAGES, classifiers=CLASSIFIERS,
                                     requires=REQUIRES, extras=extras)}


def project(backend, more=""):
    """A recipe with PEP 621 metadata."""
    def recipe(full, licence):
        table = PROJECT.format(full=AUTHORS + licence if full else "", urls=URLS if full else "")
        return {"pyproject.toml": f'[build-system]\nrequires = []\nbuild-backend = "{backend}"\n{table}\n{more}\n'}
    return recipe


def setuptools_project(full, licence):
    more = ('[tool.setuptools]\npackages = ["probe", "probe.data", "probe.sub", "probe.sub.deep"]\n'
            'zip-safe = false\nscript-files = ["scripts/probe-script"]\n'
            '[tool.setuptools.package-data]\nprobe = ["data.json"]\n'
            '[tool.setuptools.data-files]\netc = ["etc/probe.conf"]')
    return project("setuptools.build_meta", more)(full, licence)


HATCH = """[tool.hatch.build.targets.wheel]
packages = ["probe"]
[tool.hatch.build.targets.wheel.shared-data]
"etc/probe.conf" = "etc/probe.conf"
[tool.hatch.build.targets.wheel.shared-scripts]
"scripts/probe-script" = "probe-script"
"""


def flit_project(full, licence):
    files = project("flit_core.buildapi", '[tool.flit.module]\nname = "probe"\n'
                                          '[tool.flit.external-data]\ndirectory = "share"')(full, licence)
    return {**files, "share/etc/probe.conf": FILES["etc/probe.conf"]}


def flit_before_data(full, licence):
    """flit_core before 3.7: data files cannot be named."""
    return project("flit_core.buildapi", '[tool.flit.module]\nname = "probe"')(full, licence)


def flit_metadata(backend):
    """flit before PEP 621: the author and a home page are required, the name is the module's."""
    def recipe(full, _):
        more = 'maintainer = "M"\nmaintainer-email = "m@example.org"\nlicense = "MIT"\n' if full else ""
        return {"pyproject.toml": f"""[build-system]
requires = []
build-backend = "{backend}"
[tool.flit.metadata]
module = "probe"
author = "A"
author-email = "a@example.org"
home-page = "https://example.org"
description-file = "README.md"
requires-python = ">=3.6"
keywords = "beta,alpha"
requires = ["Foo_Bar>=1.0,!=1.5,<2", "zope.Interface", "Extra.One[Alpha_Beta,gamma]>=2", "futures; python_version<'3'"]
{more}
[tool.flit.metadata.requires-extra]
Test_Extra = ["PyTest>=3,<9"]
b = ["attrs"]
[tool.flit.metadata.urls]
Source = "https://example.org/s"
Issues = "https://example.org/i"
[tool.flit.scripts]
probe = "probe.zeta:main"
"""}
    return recipe


def flit_plain(full, _):
    """flit before 1.1: no extras, no table of URLs."""
    more = 'maintainer = "M"\nmaintainer-email = "m@example.org"\nlicense = "MIT"\n' if full else ""
    return {"pyproject.toml": f"""[build-system]
requires = []
build-backend = "flit.buildapi"
[tool.flit.metadata]
module = "probe"
author = "A"
author-email = "a@example.org"
home-page = "https://example.org"
description-file = "README.rst"
requires = ["foo (>=1.0,!=1.5,<2)", "zope.Interface", "futures; python_version<'3'"]
{more}
[tool.flit.scripts]
probe = "probe.zeta:main"
""", "README.rst": "Probe\n=====\n\nFirst line, é.\n\nlast line\n\n\n"}


def flit_ini(full, _):
    more = "maintainer=M\nmaintainer-email=m@example.org\nlicense=MIT\n" if full else ""
    return {"flit.ini": f"""[metadata]
module=probe
author=A
author-email=a@example.org
home-page=https://example.org
description-file=README.rst
requires=foo (>=1.0,!=1.5,<2)
  zope.Interface
{more}
[scripts]
probe=probe.zeta:main
""", "README.rst": "Probe\n=====\n\nFirst line, é.\n\nlast line\n\n\n"}


def poetry(full, _):
    """poetry-core before 2.0; the author is required."""
    more = ('maintainers = ["M <m@example.org>"]\nhomepage = "https://example.org"\nlicense = "MIT"\n'
            'documentation = "https://example.org/doc"\nrepository = "https://example.org/r"\n') if full else ""
    return {"pyproject.toml": f"""[build-system]
requires = []
build-backend = "poetry.core.masonry.api"
[tool.poetry]
name = "Foo.Probe"
version = "1.0"
description = "A probe"
authors = ["A <a@example.org>"]
readme = "README.md"
keywords = ["beta", "alpha"]
classifiers = ["Topic :: Utilities", "Intended Audience :: Developers"]
packages = [{{include = "probe"}}]
{more}
[tool.poetry.dependencies]
python = ">=3.6"
Foo_Bar = ">=1.0,!=1.5,<2"
"zope.Interface" = "*"
"Extra.One" = {{version = ">=2", extras = ["Alpha_Beta", "gamma"]}}
futures = {{version = "*", python = "<3"}}
PyTest = {{version = ">=3,<9", optional = true}}
mock = {{version = "*", optional = true, python = "<3.3"}}
attrs = {{version = "*", optional = true}}
[tool.poetry.extras]
Test_Extra = ["PyTest", "mock"]
b = ["attrs"]
[tool.poetry.urls]
Source = "https://example.org/s"
Issues = "https://example.org/i"
[tool.poetry.scripts]
probe = "probe.zeta:main"
"""}


def pdm_metadata(full, _):
    """pdm-pep517 before PEP 621."""
    more = 'author = "A"\nauthor_email = "a@example.org"\nlicense = "MIT"\nhomepage = "https://example.org"\n' if full else ""
    return {"pyproject.toml": f"""[build-system]
requires = []
build-backend = "pdm.pep517.api"
[tool.pdm]
name = "Foo.Probe"
version = "1.0"
description = "A probe"
readme = "README.md"
python_requires = ">=3.6"
keywords = ["beta", "alpha"]
classifiers = ["Programming Language :: Python :: 3", "Intended Audience :: Developers"]
includes = ["probe"]
{more}
[tool.pdm.dependencies]
Foo_Bar = ">=1.0,!=1.5,<2"
"zope.Interface" = "*"
attrs = {{version = "*", extras = ["Alpha_Beta", "gamma"]}}
futures = {{version = "*", marker = "python_version<'3'"}}
[tool.pdm.project_urls]
Source = "https://example.org/s"
Issues = "https://example.org/i"
[tool.pdm.cli]
probe = "probe.zeta:main"
"""}


PDM = """[tool.pdm]
includes = ["probe"]
[tool.pdm.build]
includes = ["probe"]
[tool.pdm.build.wheel-data]
scripts = ["scripts/*"]
data = [{path = "etc/probe.conf", relative-to = "."}]
"""
UV = """[tool.uv.build-backend]
module-name = "probe"
module-root = ""
data = {scripts = "scripts", data = "share"}
"""


def uv(full, licence):
    return {**project("uv_build", UV)(full, licence), "share/etc/probe.conf": FILES["etc/probe.conf"]}


CARGO = '[package]\nname = "foo-probe"\nversion = "1.0.0"\nauthors = []\nedition = "2018"\n[[bin]]\nname = "probe-bin"\npath = "main.rs"\n'
LOCK = '# This file is automatically @generated by Cargo.\nversion = 3\n\n[[package]]\nname = "foo-probe"\nversion = "1.0.0"\n'


def maturin(full, licence):
    """A program without dependencies: entry points and packages do not go with it.

    Older releases keep tables in an order by chance, which no hash seed rules. With many entries it shows.
    """
    files = project("maturin", '[tool.maturin]\nbindings = "bin"')(full, licence)
    text = files["pyproject.toml"].replace('[project.scripts]\nprobe = "probe.zeta:main"\n', "")
    text = text.replace('b = ["attrs"]\n', 'b = ["attrs"]\n' + "".join(f'{name} = ["attrs"]\n' for name in "hdgecf"))
    text = text.replace("[project.urls]\n", "[project.urls]\n" + "".join(f'{name} = "https://example.org/u"\n'
                                                                        for name in URLS_MORE))
    return {"pyproject.toml": text, "Cargo.toml": CARGO, "Cargo.lock": LOCK, "main.rs": "fn main() {}\n"}


def scikit(full, licence):
    files = project("scikit_build_core.build", '[tool.scikit-build]\nwheel.packages = ["probe"]')(full, licence)
    cmake = ("cmake_minimum_required(VERSION 3.15)\nproject(probe LANGUAGES NONE)\n"
             "install(FILES etc/probe.conf DESTINATION ${SKBUILD_DATA_DIR}/etc)\n"
             "install(PROGRAMS scripts/probe-script DESTINATION ${SKBUILD_SCRIPTS_DIR})\n")
    return {**files, "CMakeLists.txt": cmake}


def meson(full, licence):
    listed = "\n".join(f"py.install_sources('{name}', subdir: '{name.rsplit('/', 1)[0]}', pure: true)"
                       for name in FILES if name.startswith("probe/"))
    return {**project("mesonpy")(full, licence), "meson.build": f"""project('Foo.Probe', version: '1.0')
py = import('python').find_installation()
{listed}
install_data('etc/probe.conf', install_dir: get_option('datadir') / 'etc')
install_data('scripts/probe-script', install_dir: get_option('bindir'), install_mode: 'rwxr-xr-x')
"""}


RECIPES = {
    "setup.py": setup_py,
    "setuptools": setuptools_project,
    "hatchling": project("hatchling.build", HATCH),
    "flit": flit_project,
    "flit-before-data": flit_before_data,
    "flit-metadata": flit_metadata("flit_core.buildapi"),
    "flit-metadata-old": flit_metadata("flit.buildapi"),
    "flit-plain": flit_plain,
    "flit-ini": flit_ini,
    "poetry": poetry,
    "poetry-project": project("poetry.core.masonry.api", '[tool.poetry]\npackages = [{include = "probe"}]'),
    "pdm": project("pdm.backend", PDM),
    "pdm-before-data": project("pdm.backend", PDM.split("data = ")[0]),
    "pdm-pep517": project("pdm.pep517.api", PDM),
    "pdm-pep517-plain": project("pdm.pep517.api", '[tool.pdm]\nincludes = ["probe"]'),
    "pdm-metadata": pdm_metadata,
    "uv_build": uv,
    "maturin": maturin,
    "scikit-build-core": scikit,
    "meson-python": meson,
}
