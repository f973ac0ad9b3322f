"""Where the file of an import is (import chapter 1.1)."""

from __future__ import annotations

import pytest
from xnat_import_server.body_kind import BodyKind, body_kind

from xnat_import_core.errors import InvalidRequestError, NotAcceptableError


@pytest.mark.parametrize(
    ("query", "content_type", "kind"),
    [
        ([], "application/zip", BodyKind.FILE),
        ([], "Application/ZIP; charset=binary", BodyKind.FILE),
        ([], "application/gzip", BodyKind.FILE),
        ([], "image/jpeg", BodyKind.FILE),
        ([], "multipart/form-data; boundary=x", BodyKind.MULTIPART),
        ([], "multipart/mixed; boundary=x", BodyKind.MULTIPART),
        ([], "application/x-www-form-urlencoded", BodyKind.FORM),
        ([], "", BodyKind.NONE),
        ([("inbody", "true")], "", BodyKind.FILE),
        ([("inbody", "")], "application/x-www-form-urlencoded", BodyKind.FILE),
        ([("inbody", "no")], "foo/bar", BodyKind.FILE),
        ([("inbody", "FALSE")], "foo/bar", BodyKind.NONE),
        ([("inbody", "0")], "multipart/form-data; boundary=x", BodyKind.MULTIPART),
    ],
)
def test_query_and_media_type_say_what_the_body_is(query, content_type, kind):
    assert body_kind(query, content_type, has_body=True) is kind


def test_in_body_excludes_multipart_and_needs_a_body():
    with pytest.raises(NotAcceptableError, match="not as part of multi-part form data"):
        body_kind([("inbody", "true")], "multipart/form-data", has_body=True)
    with pytest.raises(InvalidRequestError, match="the request entity is null"):
        body_kind([("inbody", "true")], "application/zip", has_body=False)
