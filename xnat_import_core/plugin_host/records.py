"""``HANDLER`` and ``EXTENSION``: the record in which a plugin says what the core must know beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from xnat_import_core.hookspecs import SPEC_VERSION
from xnat_import_core.models import Extension, Handler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xnat_import_core.plugin_host.sources import Kind

__all__ = ["check_record"]

ErrorAndRemedy: TypeAlias = tuple[str, str]

_CONTAINERS = ("zip", "tar", "folder", "file")
_CHOICES = {
    "nested": ("open", "keep"),
    "after_place": ("ready", "receiving"),
    "second_study": ("merge", "refuse"),
    "unparsable": ("refuse", "skip"),
    "differing": ("refuse", "setting"),
}


def check_record(plugin: object, kind: Kind) -> ErrorAndRemedy | None:
    """Say what is wrong with a plugin's record, and the remedy; ``None``: nothing."""
    name = kind.upper()
    wanted = Handler if kind == "handler" else Extension
    record = getattr(plugin, name, None)
    if not isinstance(record, wanted):
        return (
            f"it has no {name}, a record of type {wanted.__name__}",
            f'Add `{name} = {wanted.__name__}(summary="...")` to the plugin.',
        )
    return next(_problems(record), None)


def _problems(record: Handler | Extension) -> Iterator[ErrorAndRemedy]:
    if record.spec_version not in range(1, SPEC_VERSION + 1):
        yield (
            f"it was written for version {record.spec_version!r} of the hooks, this core has {SPEC_VERSION}",
            "Install a release of xnat-import-core and of the plugin that fit together.",
        )
    if not _is_text(record.summary) or "\n" in record.summary:
        yield "its summary is not one line of text", "Say in one line what the plugin does."
    if isinstance(record, Handler):
        yield from _handler_problems(record)
    elif not _is_tuple_of_text(record.wants):
        yield "wants is not a tuple of names", 'Write it as a tuple: wants=("dicom:00081010",).'


def _handler_problems(handler: Handler) -> Iterator[ErrorAndRemedy]:
    if not _is_tuple_of_text(handler.containers) or not set(handler.containers) <= set(_CONTAINERS):
        yield "containers is not a tuple of known kinds", f"Use any of {_CONTAINERS}, as a tuple."
    for name, allowed in _CHOICES.items():
        if getattr(handler, name) not in allowed:
            yield f"{name} has a value that it cannot have", f"Use one of {allowed}."
    if not _is_text(handler.nameless_label):
        yield "nameless_label is empty", "Give the label of a session that nobody names."


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_tuple_of_text(value: object) -> bool:
    return isinstance(value, tuple) and all(map(_is_text, value))
