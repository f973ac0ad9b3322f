"""Every setting, once: TOML key, ``XNAT_IMPORT_*`` variable and option have the same name.

``Settings`` is a plain record; ``load_settings`` fills one from a file and the environment. Nothing is read at import
time. A dot in a name is a table in TOML and an underscore in a variable: ``limits.max_members`` is
``XNAT_IMPORT_LIMITS_MAX_MEMBERS``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import evolve, field, frozen

from xnat_import_core.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Compat", "Limits", "Plugins", "Preferences", "Settings", "load_settings"]

MIB = 1024 * 1024
GIB = 1024 * MIB


def _is_zone(_settings: object, _attribute: object, value: str) -> None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"Setting timezone: {value!r} is no zone name; use one such as 'Europe/Berlin'."
        raise InvalidRequestError(message) from error


@frozen
class Limits:
    """What one upload may be. Defaults take a real study of 50,000 files and refuse a bomb (413).

    Attributes:
        max_upload_bytes: Of the upload as it comes.
        max_members: Of one upload, nested archives included.
        max_member_bytes: Of one member, inflated.
        max_total_bytes: Of all members together, inflated.
        max_ratio: Inflated to compressed bytes, for the whole upload, once ``ratio_free_bytes`` are inflated.
        ratio_free_bytes: So many inflated bytes are not measured against the ratio: blank images compress well.
        max_depth: Archives in archives; 1 opens none inside the first.
        max_header_bytes: Of a file's header before the pixels, inflated.
        max_name_bytes: Of a member's name, encoded.
        min_free_bytes: Refuse with 507 where less is free on the store's disk.
        worker_bytes: Memory of one worker process; a plugin that wants more gets a ``MemoryError``.
    """

    max_upload_bytes: int = 256 * GIB
    max_members: int = 500_000
    max_member_bytes: int = 16 * GIB
    max_total_bytes: int = 512 * GIB
    max_ratio: int = 200
    ratio_free_bytes: int = 100 * MIB
    max_depth: int = 4
    max_header_bytes: int = 64 * MIB
    max_name_bytes: int = 4096
    min_free_bytes: int = 16 * MIB
    worker_bytes: int = 2 * GIB


@frozen
class Compat:
    """Where XNAT's own behaviour can be had instead of the better one (spec, section 4)."""

    dicom_zip_conflict_status: Literal[400, 409] = 400
    identical_files: Literal["refuse", "accept"] = "refuse"
    overwrite: Literal["strict", "xnat"] = "strict"
    unusable_project: Literal["refuse", "reroute"] = "refuse"
    xnat_fields: bool = False


@frozen
class Plugins:
    """Which plugins take part, by entry-point name or distribution; the deny list is read before any import.

    Attributes:
        deny: Never imported.
        require: Extensions without which nothing is imported: one that should de-identify and cannot be loaded must
            not be left out in silence.
        order: Extensions that are called before the others, in this order.
        detection: Ask handlers whose an upload is that came without ``import-handler``.
    """

    deny: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    detection: bool = False


@frozen
class Preferences:
    """Site preferences that XNAT knows under names of its own (``as_xnat``)."""

    compressed_uploader_importer: str = "DICOM-zip"
    use_sop_instance_uid: bool = True
    separate_secondary_dicom: bool = True
    dicom_file_name_template: str = ""
    new_project_code: Literal[0, 4, 5, 11] = 0
    separate_pet_mr: Literal["", "petmr", "pet", "separate"] = ""
    prevent_cross_modality_merge: bool = True
    session_merging_uid_mod: bool = False

    def as_xnat(self) -> Mapping[str, object]:
        """The same under XNAT's names, as plugins see them."""
        return {
            "uiDefaultCompressedUploaderImporter": self.compressed_uploader_importer,
            "useSopInstanceUidToUniquelyIdentifyDicom": self.use_sop_instance_uid,
            "separateSecondaryDicomOnArchive": self.separate_secondary_dicom,
            "dicomFileNameTemplate": self.dicom_file_name_template,
            "sitewidePetMr": self.separate_pet_mr,
            "preventCrossModalityMerge": self.prevent_cross_modality_merge,
        }


@frozen
class Settings:
    """All settings of one service.

    Attributes:
        store: The folder that holds everything.
        database: SQLAlchemy URL; empty: SQLite in the store.
        site_id: First part of the IDs that the service makes.
        timezone: Zone of prearchive timestamps (IANA name).
        duplicate_objects: Same instance, other bytes, from a later upload: ``replace`` (the former version goes to
            the trash), ``keep-first`` or ``keep-both``.
        durability: ``full``: synced before an answer; ``fast``: not, a power cut may lose acknowledged data.
        workers: Processes that plugins work in; 0: threads of this process, where one that hangs keeps its thread and
            one that crashes takes all down; -1: as many as cores for ``serve`` and the command line, 0 when embedded.
        inline_members: An upload of so few members is read in the thread that asks, not in a worker; 64 for the
            command line.
        threads: Threads that plugins work in where there are no processes; 0: one for each core.
        plugin_deadline: Seconds that a plugin may take for one batch, besides what a slow disk needs for its bytes.
        busy_timeout: Seconds to wait for a session or database that somebody else is changing.
        rebuilder_minutes: A receiving session to which nothing came for so long is built, and archived if the policy
            says so.
        rebuilder_seconds: How often the server looks for such sessions; 0: never.
        keep_receipts_days: How long receipts of failed imports and plans stay.
        keep_trash_days: How long replaced and deleted files stay in the trash, and an archiving can be undone.
    """

    store: Path = field(converter=Path)
    database: str = ""
    site_id: str = "XNAT"
    timezone: str = field(default="UTC", validator=_is_zone)
    duplicate_objects: Literal["replace", "keep-first", "keep-both"] = "replace"
    durability: Literal["full", "fast"] = "full"
    workers: int = -1
    inline_members: int = 1
    threads: int = 0
    plugin_deadline: float = 120.0
    busy_timeout: float = 30.0
    rebuilder_minutes: int = 5
    rebuilder_seconds: float = 60.0
    keep_receipts_days: int = 90
    keep_trash_days: int = 30
    limits: Limits = field(factory=Limits)
    compat: Compat = field(factory=Compat)
    plugins: Plugins = field(factory=Plugins)
    preferences: Preferences = field(factory=Preferences)

    def as_program(self, inline_members: int = 1) -> Settings:
        """The same for a program of its own: as many worker processes as cores, unless the settings say otherwise.

        ``inline_members``: at least so many members are few.
        """
        width = (os.cpu_count() or 1) if self.workers < 0 else self.workers
        return evolve(self, workers=width, inline_members=max(inline_members, self.inline_members))

    def plugin_preferences(self) -> Mapping[str, object]:
        """What plugins see as ``context.preferences``: XNAT's names, and ours for limits and compatibility."""
        return {
            **self.preferences.as_xnat(),
            "maxHeaderBytes": self.limits.max_header_bytes,
            "xnatFields": self.compat.xnat_fields,
        }


def load_settings(store: Path, file: Path | None = None) -> Settings:
    """Settings from defaults, then a TOML file (table ``[xnat-import]``), then ``XNAT_IMPORT_*`` variables.

    Args:
        store: The store's folder; it wins over file and environment.
        file: A TOML file, or ``None`` for ``store/xnat-import.toml`` if it is there.

    Raises:
        InvalidRequestError: A name or value that no setting has; the message names it.
    """
    import typed_settings as ts  # noqa: PLC0415 - slow to import; an embedder who builds Settings never needs it
    from typed_settings.exceptions import TsError  # noqa: PLC0415
    from typed_settings.loaders import InstanceLoader  # noqa: PLC0415

    chosen = file or store / "xnat-import.toml"
    loaders = ts.default_loaders("xnat-import", [chosen] if chosen.exists() else [], env_prefix="XNAT_IMPORT_")
    try:
        settings = ts.load_settings(Settings, [InstanceLoader(Settings(store)), *loaders])
    except TsError as error:
        message = f"Settings: {error}"
        raise InvalidRequestError(message) from error
    return evolve(settings, store=store)
