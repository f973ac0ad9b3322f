"""The handler ``NIfTI``: images and what lies beside them, sorted into sessions and scans by their BIDS-like names."""

from __future__ import annotations

from collections import defaultdict

from attrs import frozen

from xnat_import_core import (
    Arrangement,
    Confidence,
    Detection,
    Group,
    Handler,
    Ignored,
    ImportedFile,
    Member,
    Rejected,
    Scan,
    Upload,
    hookimpl,
)
from xnat_import_nifti.header import HEAD_BYTES, NiftiHeader, read_header
from xnat_import_nifti.names import BidsName, parse_name, stem_of
from xnat_import_nifti.sidecar import MAX_SIDECAR_BYTES, read_sidecar, scan_facts, series_number

__all__ = ["HANDLER", "SidecarHint", "arrange", "detect", "extract"]

HANDLER = Handler(
    summary="NIfTI images with JSON sidecars, named as in BIDS",
    nested="keep",
    nameless_label="nifti_upload",
)

_IMAGES = (".nii", ".nii.gz")
_PET = "pet"


@frozen
class SidecarHint:
    """What a sidecar says, for every file beside it: it travels with each of them, also once they are stored."""

    scan_id: str | None
    facts: tuple[tuple[str, str | float], ...]


@hookimpl
def detect(upload: Upload) -> Detection | None:
    """Claim uploads in which there is a NIfTI image under a BIDS-like name."""
    names = (parse_name(entry.name) for entry in upload.members)
    if any(name is not None and name.suffix in _IMAGES for name in names):
        return Detection(Confidence.LIKELY, "it has images with names such as sub-01_T1w.nii.gz")
    return None


@hookimpl
def arrange(upload: Upload) -> Arrangement:
    """Keep an image, its sidecar and its gradients together, and give each of them what the sidecar says."""
    beside: dict[str, list[int]] = defaultdict(list)
    hints: dict[str, SidecarHint] = {}
    for entry in upload.members:
        stem = stem_of(entry.name)
        beside[stem].append(entry.index)
        if entry.name.lower().endswith(".json"):
            hints[stem] = _hint(upload.read(entry.index, MAX_SIDECAR_BYTES))
    return Arrangement(tuple(Group(tuple(indices), hints.get(stem)) for stem, indices in beside.items()))


@hookimpl
def extract(members: tuple[Member, ...]) -> tuple[ImportedFile | Rejected | Ignored, ...]:
    """Say what each member is, from its name, its own first bytes and the sidecar's hint."""
    return tuple(_extract_one(member) for member in members)


def _hint(data: bytes) -> SidecarHint:
    sidecar = read_sidecar(data) or {}
    return SidecarHint(series_number(sidecar), tuple(sorted(scan_facts(sidecar).items())))


def _extract_one(member: Member) -> ImportedFile | Rejected | Ignored:
    name = parse_name(member.name)
    if name is None:
        return _nameless(member)
    if name.suffix in _IMAGES:
        header = read_header(member.head(HEAD_BYTES))
        if header is None:
            return Rejected(member.index, "it is no NIfTI image: the header is damaged or cut short")
        return _image(member, name, header)
    if name.suffix == ".json" and read_sidecar(member.head(MAX_SIDECAR_BYTES)) is None:
        return Rejected(member.index, "the sidecar is no JSON object, or larger than 1 MiB")
    return _file(member, name, {})


def _nameless(member: Member) -> Rejected | Ignored:
    if member.name.lower().endswith(_IMAGES):
        return Rejected(member.index, "the name says no subject and scan; name it such as sub-01_ses-02_T1w.nii.gz")
    return Ignored(member.index, "it belongs to no scan")


def _image(member: Member, name: BidsName, header: NiftiHeader) -> ImportedFile:
    kind = _PET if name.scan.endswith(_PET) else "mr"
    x, y, z = header.voxel_size
    facts: dict[str, str | int | float] = {
        "type": f"xnat:{kind}SessionData",
        "scan:type": f"xnat:{kind}ScanData",
        "scan:frames": header.frames,
    }
    if kind == "mr":
        facts |= {"scan:parameters/voxelRes/@x": x, "scan:parameters/voxelRes/@y": y, "scan:parameters/voxelRes/@z": z}
    hint = member.hint
    return _file(member, name, facts | (dict(hint.facts) if isinstance(hint, SidecarHint) else {}))


def _file(member: Member, name: BidsName, facts: dict[str, str | int | float]) -> ImportedFile:
    hint = member.hint
    label = "BIDS" if name.suffix in {".json", ".tsv"} else "NIFTI"
    return ImportedFile(
        member=member.index,
        session=name.session,
        place=Scan(name.scan, hint.scan_id if isinstance(hint, SidecarHint) else None),
        resource=label,
        name=member.name,
        format=label,
        facts={"subject": name.subject, "session": name.session, **facts},
    )
