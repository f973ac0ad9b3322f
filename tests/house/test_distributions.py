"""The distributions agree with each other: whoever installs one meets the same terms everywhere."""

from __future__ import annotations

import re
import tomllib

SAME = ("requires-python", "license", "license-files", "authors", "readme")
CORE_RANGE = re.compile(r"xnat-import-[a-z-]+>=\d+\.\d+,<\d+")


def test_terms_are_the_cores(distribution, distributions):
    core = distributions[0]
    assert {key: distribution.project.get(key) for key in SAME} == {key: core.project[key] for key in SAME}
    assert distribution.pyproject["build-system"] == core.pyproject["build-system"]
    assert {c for c in core.project["classifiers"] if c.startswith(("Programming", "Operating", "Typing"))} <= set(
        distribution.project["classifiers"]
    )


def test_names_follow_one_pattern(distribution):
    prefix = "example-xnat-import-" if distribution.folder.parent.name == "examples" else "xnat-import-"
    assert distribution.name.startswith(prefix)
    assert distribution.package.name == distribution.name.removeprefix("example-").replace("-", "_")
    assert distribution.project["description"]


def test_files_that_everybody_expects_are_there(distribution, root):
    assert (distribution.package / "py.typed").is_file()
    assert (distribution.folder / "LICENSE").read_bytes() == (root / "LICENSE").read_bytes()
    assert len((distribution.folder / "README.md").read_text("utf-8").splitlines()) > 1, "README.md says nothing"


def test_relatives_are_asked_for_by_range(distribution):
    relatives = [text for text in distribution.project["dependencies"] if text.startswith("xnat-import-")]
    assert all(CORE_RANGE.fullmatch(text) for text in relatives)
    assert "xnat-import-core" in (distribution.name, *(text.partition(">")[0] for text in relatives))


def test_uv_and_pip_install_the_same_set(distributions, root):
    listed = re.findall(r"^-e (\S+)$", (root / "requirements-dev.txt").read_text("utf-8"), re.MULTILINE)
    wanted = [d for d in distributions if "xnat_import.extensions" not in d.project.get("entry-points", {})]
    assert {(root / folder).resolve() for folder in listed} == {d.folder for d in wanted}
    groups = distributions[0].pyproject["dependency-groups"]
    assert set(groups["distributions"]) == {d.name for d in wanted[1:]}
    assert set(distributions[0].pyproject["tool"]["uv"]["sources"]) == {d.name for d in distributions}
    tools = re.findall(r"^\w.*$", (root / "requirements-dev.txt").read_text("utf-8"), re.MULTILINE)
    assert set(tools) == set(groups["dev"])


def test_the_laws_are_checked_for_every_package(distributions, root):
    linter = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    packages = {d.package.name for d in distributions}
    assert set(linter["root_packages"]) == packages
    contracts = {contract["id"]: contract for contract in linter["contracts"]}
    assert packages - {"xnat_import_core"} <= set(contracts["core-stands-alone"]["forbidden_modules"])
    strangers = {d.package.name for d in distributions if d.folder.parent.name in {"plugins", "examples"}}
    assert strangers == set(contracts["plugins-are-strangers"]["modules"])
    assert strangers == set(contracts["front-ends-know-no-plugin"]["forbidden_modules"])
    formats = {d.package.name for d in distributions if d.folder.parent.name == "formats"}
    assert strangers | formats == set(contracts["public-names-only"]["source_modules"])
