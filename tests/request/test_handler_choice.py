"""Which handler takes an upload: import chapter 4."""

from __future__ import annotations

import pytest

from xnat_import_core.settings import Preferences
from xnat_import_core.uploads import choose_handler_key, parse_request

DEFAULT = Preferences()


@pytest.mark.parametrize("key", ["SI", "si", "gradual-DICOM", "nope"])
def test_a_named_handler_is_taken_as_it_is_spelled(key):
    request = parse_request([("import-handler", key)])
    assert choose_handler_key(request, "application/dicom", DEFAULT)[0] == key


@pytest.mark.parametrize(
    "media_type",
    ["application/dicom", "application/x-mirc", "application/x-mirc-dicom", "Application/DICOM; charset=x"],
)
def test_a_single_object_goes_to_gradual_dicom(media_type):
    key, reason = choose_handler_key(parse_request([]), media_type, DEFAULT)
    assert key == "gradual-DICOM"
    assert "media type" in reason


@pytest.mark.parametrize(
    ("preferred", "key"), [("DICOM-zip", "DICOM-zip"), ("SI", "SI"), ("dicom-zip", "SI"), ("", "SI")]
)
@pytest.mark.parametrize("media_type", ["application/zip", "multipart/form-data", "application/dicom+json", ""])
def test_else_the_sites_preference_decides(preferred, key, media_type):
    chosen, reason = choose_handler_key(parse_request([]), media_type, Preferences(preferred))
    assert chosen == key
    assert "uiDefaultCompressedUploaderImporter" in reason


def test_an_empty_key_counts_as_none():
    assert choose_handler_key(parse_request([("import-handler", "")]), "", DEFAULT)[0] == "DICOM-zip"
