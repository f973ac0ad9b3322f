"""Headers hold anything, a NUL in a UID too; no database makes that a reason to fail or to store twice."""

from __future__ import annotations

import pydicom
import pytest

from xnat_import_core import Fate, Service, Settings

ODD = {
    "descriptions": {"SeriesDescription": "a\0b", "StudyDescription": "c\0d"},
    "patient": {"PatientName": "A\0B", "PatientID": "P\0Q", "StudyID": "S\0T", "AccessionNumber": "a\0c"},
    "series": {"SeriesInstanceUID": "1.2\0.3"},
    "study": {"StudyInstanceUID": "1.2\0.3"},
    "instance": {"SOPInstanceUID": "1.2\0.3"},
    "long": {"SeriesDescription": "x" * 5000, "PatientID": "y" * 300, "StudyInstanceUID": f"1.{'3' * 400}"},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_it_is_stored_once_however_often_it_is_sent(tmp_path, shipped, odd):
    header = pydicom.dcmread(shipped / "pydicom/test_files/MR_small.dcm")
    with pydicom.config.disable_value_validation():
        for name, value in odd.items():
            setattr(header, name, value)
        header.save_as(tmp_path / "odd.dcm")
    with Service(Settings(store=tmp_path / "store")) as service:
        counts = [service.import_upload(tmp_path / "odd.dcm", import_handler="SI").counts for _ in range(2)]
    assert [(each[Fate.STORED], each[Fate.SAME]) for each in counts] == [(1, 0), (0, 1)]
