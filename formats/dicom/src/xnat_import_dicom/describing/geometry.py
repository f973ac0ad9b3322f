"""Planes, voxels and image sizes, for scans and catalogs (chapter section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xnat_import_dicom.conversions import integer, plain_number

if TYPE_CHECKING:
    from xnat_import_dicom.describing.fields import Fields

__all__ = ["plane_of", "put_image_size", "put_orientation", "put_voxel_size"]

_TOLERANCE: Final = 1e-3
_COSINES: Final = 6


def plane_of(orientation: str) -> str | None:
    """``Tra``, ``Cor`` or ``Sag`` of an ImageOrientationPatient; ``None`` unless two orthogonal unit vectors."""
    cosines = [plain_number(part) for part in orientation.split("\\")]
    vectors = [cosine for cosine in cosines if cosine is not None]
    if len(cosines) != _COSINES or len(vectors) != _COSINES:
        return None
    row, column = vectors[:3], vectors[3:]
    if any(abs(_dot(vector, vector) - 1) > 2 * _TOLERANCE for vector in (row, column)):
        return None
    if abs(_dot(row, column)) > _TOLERANCE:
        return None
    normal = [abs(row[(i + 1) % 3] * column[(i + 2) % 3] - row[(i + 2) % 3] * column[(i + 1) % 3]) for i in range(3)]
    return ("Sag", "Cor", "Tra")[normal.index(max(normal))]


def put_orientation(fields: Fields, path: str) -> None:
    """The plane of all images; left out for a localizer with several."""
    fields.put_only(path, "ImageOrientationPatient", plane_of)


def put_image_size(fields: Fields, path: str) -> None:
    """Columns and rows, in pixels."""
    sizes = {(integer(columns), integer(rows)) for (columns, rows), _ in fields.tuples("ImageSize")}
    if len(sizes) == 1:
        ((columns, rows),) = sizes
        fields.put(f"{path}/@x", columns)
        fields.put(f"{path}/@y", rows)
    elif sizes:
        fields.note_several(path, (count for _, count in fields.tuples("ImageSize")))


def put_voxel_size(fields: Fields, path: str) -> None:
    """Column spacing, row spacing and thickness in mm, if all are known."""
    spacing = _agreed(fields, path, "PixelSpacing")
    thickness = _agreed(fields, path, "SliceThickness")
    if not thickness and not fields.xnat:
        thickness = _agreed(fields, path, "SpacingBetweenSlices")
    if len(spacing) != 2 or len(thickness) != 1:  # noqa: PLR2004 - rows and columns
        return
    x, y = spacing if fields.xnat else spacing[::-1]
    for axis, size in zip("xyz", (x, y, thickness[0]), strict=True):
        fields.put(f"{path}/@{axis}", size)
    if not fields.xnat:
        fields.put(f"{path}/@units", "mm")


def _agreed(fields: Fields, path: str, fact: str) -> tuple[float, ...]:
    values = {_numbers(str(value)): count for value, count in fields.facts.get(fact, {}).items()}
    values.pop((), None)
    if len(values) > 1:
        fields.note_several(path, values.values())
    return next(iter(values)) if len(values) == 1 else ()


def _numbers(text: str) -> tuple[float, ...]:
    numbers = [plain_number(part) for part in text.split("\\")]
    known = tuple(number for number in numbers if number is not None)
    return known if len(known) == len(numbers) else ()


def _dot(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))
