"""Build every distribution's wheel, then install each handler alone in a clean environment and ask for it there.

In the workspace everything is importable, which hides a dependency that a distribution forgot to name.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARENTS = ("formats", "plugins", "frontends", "examples")


def distributions() -> list[Path]:
    """Folders of all distributions of the repository, the core first."""
    return [ROOT, *sorted(path.parent for parent in PARENTS for path in ROOT.glob(f"{parent}/*/pyproject.toml"))]


def project(folder: Path) -> dict[str, object]:
    """The ``[project]`` table of a distribution."""
    return tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]


def run(*command: str | Path, **environment: str) -> str:
    """Run a program; what it printed. A failure ends everything and shows it."""
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def build(wheels: Path) -> None:
    """Build all wheels with the build back end of the development environment, without a download."""
    for folder in distributions():
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", wheels, folder)
        print(f"built {project(folder)['name']}")


def listed_alone(folder: Path, wheels: Path, place: Path) -> None:
    """Install one handler's wheel into a clean environment; its key must be listed there, without an error."""
    facts = project(folder)
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    links = f"{wheels} {os.environ.get('PIP_FIND_LINKS', '')}"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", str(facts["name"]), PIP_FIND_LINKS=links)
    answer = json.loads(run(place / "bin" / "xnat-import", "handlers", "--json"))
    expected = set(facts["entry-points"]["xnat_import.handlers"])
    found = {entry["key"]: entry for entry in answer}
    faults = [entry for entry in answer if entry.get("error")]
    if not expected <= set(found) or faults:
        sys.exit(f"{facts['name']} alone: expected {sorted(expected)}, got {json.dumps(answer, indent=2)}")
    print(f"{facts['name']} alone: {', '.join(sorted(expected))}")


def main() -> None:
    """Build, then ask each handler."""
    with tempfile.TemporaryDirectory() as scratch:
        wheels = Path(scratch, "wheels")
        build(wheels)
        handlers = [
            folder for folder in distributions() if "xnat_import.handlers" in project(folder).get("entry-points", {})
        ]
        for folder in handlers:
            listed_alone(folder, wheels, Path(scratch, folder.name))


if __name__ == "__main__":
    main()
