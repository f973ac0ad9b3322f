"""The test data that come with the repository are what they say they are, and small."""

from __future__ import annotations

import hashlib

BUDGET = 1_500_000


def test_every_file_is_byte_for_byte_as_its_origin_has_it(shipped):
    listed = dict(reversed(line.split("  ", 1)) for line in (shipped / "SHA256SUMS").read_text("utf-8").splitlines())
    there = {
        p.relative_to(shipped).as_posix(): p for folder in ("pydicom", "nibabel") for p in (shipped / folder).rglob("*")
    }
    digests = {name: hashlib.sha256(p.read_bytes()).hexdigest() for name, p in there.items() if p.is_file()}
    assert digests == listed


def test_a_clone_stays_small(shipped):
    assert sum(p.stat().st_size for p in shipped.rglob("*")) < BUDGET


def test_each_origin_has_its_licence(shipped):
    for origin in ("pydicom", "nibabel"):
        assert "MIT" in (shipped / origin / "LICENSE.txt").read_text("utf-8")
