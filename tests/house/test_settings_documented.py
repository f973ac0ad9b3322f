"""An administrator finds every setting, with its true default, in docs/operate.md."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

from xnat_import_core import Settings


def settings_and_defaults() -> dict[str, str]:
    found = {}

    def walk(value, prefix):
        for field in attrs.fields(type(value)):
            inner = getattr(value, field.name)
            if attrs.has(type(inner)):
                walk(inner, f"{prefix}{field.name}.")
            elif prefix + field.name != "store":
                found[prefix + field.name] = spelled(inner)

    walk(Settings(store=Path("store")), "")
    return found


def spelled(value: object) -> str:
    """A default as TOML has it."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case tuple():
            return str(list(value))
        case _:
            return str(value)


def test_the_table_has_every_setting_with_its_default(root):
    text = (root / "docs" / "operate.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z_.]+)` \| `([^`]*)` \| (.+) \|$", text, re.MULTILINE)
    assert {name: default for name, default, _ in rows} == settings_and_defaults()
