"""How fast the header reader is beside pydicom, both reading the same values of the same files in one run.

Run: python benchmarks/header_reading.py [FOLDER]
"""

from __future__ import annotations

import io
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from xnat_import_dicom.reading import Wanted, read_header
from xnat_import_dicom.reading.dictionary import _VR_OF_TAG

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
ROUNDS = 15
VALUES = 60
FIRST_OF_THE_DATA_SET = 0x00080000
LIMIT = 64 * 1024 * 1024


def seconds(read: Callable[[], object]) -> float:
    """The best of some rounds: what disturbs a measurement only ever adds to it."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        read()
        best = min(best, time.perf_counter() - began)
    return best


def common_tags(datasets: list[pydicom.Dataset]) -> frozenset[int]:
    """The tags of our table that most files have."""
    counts = {tag: sum(tag in dataset for dataset in datasets) for tag in _VR_OF_TAG if tag > FIRST_OF_THE_DATA_SET}
    return frozenset(sorted(counts, key=lambda tag: -counts[tag])[:VALUES])


def pydicom_reads(data: bytes, tags: frozenset[int]) -> list[str]:
    """What a handler without our reader would do."""
    dataset = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
    return [str(dataset[tag].value) for tag in tags if tag in dataset]


def main() -> None:
    """Measure every plain file of the folder and print the medians."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else HERE.parent / "tests" / "data"
    warnings.simplefilter("ignore")
    plain: dict[Path, pydicom.Dataset] = {}
    for path in sorted(folder.rglob("*.dcm")):
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
            read_header(io.BytesIO(path.read_bytes()), Wanted(frozenset(_VR_OF_TAG)), max_header_bytes=LIMIT)
            if dataset.file_meta.TransferSyntaxUID in {ExplicitVRLittleEndian, ImplicitVRLittleEndian}:
                plain[path] = dataset
        except Exception as error:  # noqa: BLE001 - a damaged file is no plain file
            print(f"left out: {path.name} ({type(error).__name__})")
    tags = common_tags(list(plain.values()))
    wanted, ratios, ours = Wanted(tags), [], []
    for path in plain:
        data = path.read_bytes()
        ours.append(seconds(lambda data=data: read_header(io.BytesIO(data), wanted, max_header_bytes=LIMIT)))
        ratios.append(seconds(lambda data=data: pydicom_reads(data, tags)) / ours[-1])
    print(f"{len(plain)} plain files, {len(tags)} values wanted")
    print(f"ours: median {statistics.median(ours) * 1e6:.0f} us a file")
    print(f"pydicom : ours: median {statistics.median(ratios):.1f}, least {min(ratios):.1f}")


if __name__ == "__main__":
    main()
