"""Run every benchmark beside this file, print one table, keep the figures as JSON."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent


def figures(script: Path) -> dict[str, object]:
    """What a script measured: the JSON of its last line, if it is that. The rest goes to the terminal as it is."""
    print(f"running {script.name}", flush=True)
    done = subprocess.run([sys.executable, script], check=True, text=True, stdout=subprocess.PIPE, cwd=HERE.parent)
    *report, last = done.stdout.strip().splitlines()
    try:
        measured = json.loads(last)
    except ValueError:
        measured, report = {}, [*report, last]
    print(*report, sep="\n", end="\n" if report else "")
    return measured


def row(name: str, figure: object) -> str:
    """One line of the table; a plain number is seconds."""
    value, unit = (figure["value"], figure.get("unit", "")) if isinstance(figure, dict) else (figure, "s")
    return (
        f"  {name:<56} {value:>14,.6g} {unit}" if isinstance(value, float | int) else f"  {name:<56} {value:>14} {unit}"
    )


def main(wanted: list[str]) -> None:
    """Run the scripts that are named, or all."""
    scripts = [path for path in sorted(HERE.glob("*.py")) if path != Path(__file__).resolve()]
    results = {path.stem: figures(path) for path in scripts if not wanted or path.stem in wanted}
    for script, measured in ((script, measured) for script, measured in results.items() if measured):
        print(f"\n{script}")
        print(*(row(name, figure) for name, figure in measured.items()), sep="\n")
    now = datetime.now(UTC)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "processor": platform.processor()}
    kept = HERE / "results" / f"{now:%Y%m%dT%H%M%SZ}.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps({"when": now.isoformat(), **machine, "results": results}, indent=2) + "\n", "utf-8")
    print(f"\nkept in {kept.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main(sys.argv[1:])
