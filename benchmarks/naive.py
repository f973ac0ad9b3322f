"""N, the script that a lab would write: unpack, read each header with pydicom, copy into folders.

Run: python -m benchmarks.naive ARCHIVE TARGET
"""

from __future__ import annotations

import json
import shutil
import sys
import time
import zipfile
from pathlib import Path

import pydicom

from benchmarks.processes import own_peak


def sort_archive(archive: Path, target: Path) -> int:
    """Patient/Study/Series/Instance.dcm from a zip archive; how many files there were."""
    unpacked, ordered, files = target / "unpacked", target / "sorted", 0
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(unpacked)
    for path in unpacked.rglob("*.dcm"):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        folder = ordered / dataset.PatientID / dataset.StudyInstanceUID / dataset.SeriesInstanceUID
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / f"{dataset.SOPInstanceUID}.dcm")
        files += 1
    return files


def main(archive: Path, target: Path) -> None:
    """Sort and tell how long it took, the start of Python and the import of pydicom left out."""
    began = time.perf_counter()
    files = sort_archive(archive, target)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "files": files, "peak": own_peak()}))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
