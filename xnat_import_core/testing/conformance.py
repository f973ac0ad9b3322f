"""What every handler must keep, as tests to inherit.

A subclass in the author's tests gives two fixtures::

    class TestContract(HandlerContract):
        @pytest.fixture
        def handler(self):
            return my_handler_module

        @pytest.fixture
        def samples(self):
            return (MemoryMember(0, "sub-01_T1w.nii", data), ...)
"""

# ruff: noqa: S101 - these are tests; pytest explains a failed assert better than any message

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, TypeAlias

import pytest
from attrs import evolve

from xnat_import_core.models import (
    DescribeContext,
    Destination,
    ExtractContext,
    Ignored,
    ImportedFile,
    Rejected,
    Scan,
    Space,
    StoredAt,
)
from xnat_import_core.parameters import ImportRequest
from xnat_import_core.plugin_host import ExplicitPlugins, HookCalls, PluginHost
from xnat_import_core.settings import Plugins
from xnat_import_core.testing.memory import MemoryMember, MemoryUpload
from xnat_import_core.testing.sessions import stored_session

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["HandlerContract"]

Answer: TypeAlias = ImportedFile | Rejected | Ignored
Samples: TypeAlias = tuple[MemoryMember, ...]

_GARBAGE = (b"", b"\0", b"\0" * 600, b"PK\x03\x04", bytes(range(256)) * 8, b"{", "ÿ€𝄞".encode() * 40)
_NAMES = ("", "../../etc/passwd", "/", "a\\b\\c", "\x00\x1f", "x" * 5000, "sub-.nii", ".", "ÿ€𝄞\u202e")
_KEY = "under test"


class HandlerContract:
    """Tests of the rules for handlers: loads, pure, order and batches do not matter, garbage is no exception."""

    @pytest.fixture
    def handler(self) -> object:
        """Give the handler: its module or instance. Override it."""
        pytest.fail("override the fixture 'handler': the module (or instance) that the entry point names")

    @pytest.fixture
    def samples(self) -> Samples:
        """Give sample members, real ones if possible; at least one must be importable. Override it."""
        pytest.fail("override the fixture 'samples': a tuple of MemoryMember, with indices 0, 1, 2, ...")

    @pytest.fixture
    def calls(self, handler: object) -> HookCalls:
        """Give the handler's hooks as the core calls them: every answer is checked."""
        return PluginHost(ExplicitPlugins(handlers={_KEY: handler}), Plugins()).calls(_KEY)

    @pytest.fixture
    def context(self) -> ExtractContext:
        """Give what ``extract`` may know; override it for a handler that needs preferences or parameters."""
        return ExtractContext(_KEY, ImportRequest())

    @pytest.fixture
    def groups(self, calls: HookCalls, samples: Samples, context: ExtractContext) -> tuple[Samples, ...]:
        """Give the samples as ``arrange`` groups them, each with its hint; what it ignores is left out."""
        return _arranged(calls, samples, context)

    def test_handler_loads(self, handler: object) -> None:
        """The record is there, hooks have the right names and arguments, none is async or a generator."""
        (report,) = PluginHost(ExplicitPlugins(handlers={_KEY: handler}), Plugins()).reports()
        assert (report.error, report.remedy) == ("", "")

    def test_samples_are_recognised(
        self, calls: HookCalls, groups: tuple[Samples, ...], context: ExtractContext
    ) -> None:
        """At least one sample is a file of a session: without that, the other tests prove nothing."""
        assert any(isinstance(answer, ImportedFile) for answer in _in_one_batch(calls, groups, context))

    def test_extract_is_pure(self, calls: HookCalls, groups: tuple[Samples, ...], context: ExtractContext) -> None:
        """The same members give the same answers, whatever was asked in between."""
        first = _in_one_batch(calls, groups, context)
        calls.extract((MemoryMember(0, "other", b"something else"),), context)
        assert _in_one_batch(calls, groups, context) == first

    def test_order_does_not_matter(
        self, calls: HookCalls, groups: tuple[Samples, ...], context: ExtractContext
    ) -> None:
        """Groups in reverse order give the same answer for each member."""
        backwards = _in_one_batch(calls, groups[::-1], context)
        assert _by_member(backwards) == _by_member(_in_one_batch(calls, groups, context))

    def test_batches_do_not_matter(
        self, calls: HookCalls, groups: tuple[Samples, ...], context: ExtractContext
    ) -> None:
        """Each group on its own gives what all of them give in one batch."""
        one_by_one = [answer for group in groups for answer in calls.extract(group, context)]
        assert one_by_one == _in_one_batch(calls, groups, context)

    def test_answers_travel(self, calls: HookCalls, groups: tuple[Samples, ...], context: ExtractContext) -> None:
        """Answers come back the same from a worker process, hints get there."""
        hints = [member.hint for group in groups for member in group]
        answers = _in_one_batch(calls, groups, context)
        assert pickle.loads(pickle.dumps(hints)) == hints  # noqa: S301 - made in the line itself
        assert pickle.loads(pickle.dumps(answers)) == answers  # noqa: S301 - as above

    def test_members_are_closed(self, calls: HookCalls, groups: tuple[Samples, ...], context: ExtractContext) -> None:
        """What ``extract`` opens, it closes."""
        _in_one_batch(calls, groups, context)
        assert all(stream.closed for group in groups for member in group for stream in member.opened)

    @pytest.mark.parametrize("data", _GARBAGE)
    def test_garbage_is_no_exception(
        self, data: bytes, calls: HookCalls, samples: Samples, context: ExtractContext
    ) -> None:
        """Under every sample's name, bytes that are no such file get an answer."""
        _extract_arranged(calls, tuple(evolve(sample, data=data) for sample in samples), context)

    @pytest.mark.parametrize("part", [0.0, 0.01, 0.1, 0.5, 0.99])
    def test_truncation_is_no_exception(
        self, part: float, calls: HookCalls, samples: Samples, context: ExtractContext
    ) -> None:
        """A sample that was cut short gets an answer."""
        cut = tuple(evolve(sample, data=sample.data[: int(sample.size * part)]) for sample in samples)
        _extract_arranged(calls, cut, context)

    @pytest.mark.parametrize("name", _NAMES)
    def test_names_are_only_text(self, name: str, calls: HookCalls, samples: Samples, context: ExtractContext) -> None:
        """Whatever the members are called, each gets an answer."""
        _extract_arranged(calls, tuple(evolve(sample, name=name) for sample in samples), context)

    def test_stored_files_are_read_again(
        self, calls: HookCalls, groups: tuple[Samples, ...], context: ExtractContext
    ) -> None:
        """A stored file comes alone, with hint and name: it is the same file in the same session and scan."""
        for group in groups:
            for member, answer in zip(group, calls.extract(group, context), strict=True):
                if isinstance(answer, ImportedFile):
                    again = calls.extract((evolve(member, stored=_stored_at(answer)),), context)[0]
                    assert isinstance(again, ImportedFile)
                    assert (again.session, again.place, again.resource, again.identity) == (
                        answer.session,
                        answer.place,
                        answer.resource,
                        answer.identity,
                    )

    def test_sessions_are_described(
        self, calls: HookCalls, groups: tuple[Samples, ...], context: ExtractContext
    ) -> None:
        """Every session gets a document with all its scans, by the handler or by the core; the same one again."""
        files = [answer for answer in _in_one_batch(calls, groups, context) if isinstance(answer, ImportedFile)]
        place = DescribeContext(_KEY, Destination(Space.PREARCHIVE, "P", "S", "E"), ImportRequest())
        for key in {file.session for file in files}:
            session = stored_session(file for file in files if file.session == key)
            assert calls.describe(session, place) == calls.describe(session, place)


def _arranged(calls: HookCalls, samples: Samples, context: ExtractContext) -> tuple[Samples, ...]:
    by_index = {sample.index: sample for sample in samples}
    assert len(by_index) == len(samples), "give each sample an index of its own"
    arrangement = calls.arrange(MemoryUpload(samples), context)
    if arrangement is None:
        return tuple((sample,) for sample in samples)
    groups = [
        tuple(evolve(by_index.pop(index), hint=group.hint) for index in group.members) for group in arrangement.groups
    ]
    for ignored in arrangement.ignored:
        del by_index[ignored.member]
    return (*groups, *((sample,) for sample in by_index.values()))


def _extract_arranged(calls: HookCalls, samples: Samples, context: ExtractContext) -> None:
    _in_one_batch(calls, _arranged(calls, samples, context), context)


def _in_one_batch(calls: HookCalls, groups: Sequence[Samples], context: ExtractContext) -> list[Answer]:
    return list(calls.extract(tuple(member for group in groups for member in group), context))


def _by_member(answers: Iterable[Answer]) -> dict[int, Answer]:
    return {answer.member: answer for answer in answers}


def _stored_at(file: ImportedFile) -> StoredAt:
    scan = (file.place.id or file.place.key) if isinstance(file.place, Scan) else None
    return StoredAt(file.session, scan, file.resource)
