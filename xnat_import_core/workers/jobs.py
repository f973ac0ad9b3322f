"""What is asked of a worker: one hook, on one batch. A job travels to another process and carries all that it needs."""

from __future__ import annotations

import hashlib
import pickle
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from attrs import evolve, frozen

from xnat_import_core.folds import Fold, fold
from xnat_import_core.models import ImportedFile
from xnat_import_core.workers.batches import BatchResult, extract_batch
from xnat_import_core.workers.deadlines import NoAnswer
from xnat_import_core.workers.members import LoadedMember, sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from xnat_import_core.models import (
        DescribeContext,
        ExtractContext,
        Ignored,
        Rejected,
        SessionDocument,
        StagedFile,
        StoredSession,
        TransformContext,
        Upload,
    )
    from xnat_import_core.plugin_host import HookCalls
    from xnat_import_core.workers.batches import Batch

__all__ = [
    "Arranging",
    "Calling",
    "Describing",
    "Digesting",
    "Extracting",
    "FoldingAgain",
    "Job",
    "ReadingAgain",
    "Transforming",
]

T_co = TypeVar("T_co", covariant=True)

_PIECE = 256 * 1024


class Job(Protocol[T_co]):
    """One piece of work for one handler key."""

    @property
    def hook(self) -> str:
        """The hook that is called, as errors name it."""

    @property
    def size(self) -> int:
        """Bytes that are read, as far as that is known: what is large may take longer."""

    def names(self) -> Sequence[str]:
        """Members, as errors name them."""

    def parts(self) -> Sequence[Job[Any]]:
        """The same work for each member alone, without effect: to find the one that a plugin dies of."""

    def run(self, calls: HookCalls) -> T_co:
        """Do it."""


@frozen
class Extracting:
    """``extract`` of a batch, its files into staging."""

    batch: Batch
    context: ExtractContext
    staging: Path
    keep: bool
    hook: str = "extract"

    @property
    def size(self) -> int:
        """See ``Job``."""
        return sum(member.size or 0 for member in self.batch.members)

    def names(self) -> Sequence[str]:
        """See ``Job``."""
        return [member.name for member in self.batch.members]

    def parts(self) -> Sequence[Job[Any]]:
        """See ``Job``."""
        return [evolve(self, batch=part, keep=False) for part in self.batch.parts()]

    def run(self, calls: HookCalls) -> BatchResult:
        """Read, digest, ask, write, fold."""
        return extract_batch(self.batch, calls, self.context, self.staging, keep=self.keep)


@frozen
class Arranged:
    """An ``Arrangement`` whose hints are pickled: they are opened in workers only, where the plugin is at home."""

    groups: tuple[tuple[tuple[int, ...], bytes | None], ...] = ()
    ignored: tuple[Ignored, ...] = ()


@frozen
class Arranging:
    """``arrange`` of an upload."""

    upload: Upload
    context: ExtractContext
    hook: str = "arrange"

    @property
    def size(self) -> int:
        """See ``Job``."""
        return self.upload.size

    def names(self) -> Sequence[str]:
        """See ``Job``."""
        return [self.upload.name]

    def parts(self) -> Sequence[Job[Any]]:
        """See ``Job``: it is one question."""
        return []

    def run(self, calls: HookCalls) -> Arranged:
        """Ask. Raises NoAnswer for a hint that does not survive the way to another process."""
        arrangement = calls.arrange(self.upload, self.context)
        if arrangement is None:
            return Arranged()
        hints = {id(group.hint): group.hint for group in arrangement.groups}
        sealed = {key: _sealed(hint) for key, hint in hints.items()}  # one hint of many groups travels once
        groups = tuple((group.members, sealed[id(group.hint)]) for group in arrangement.groups)
        return Arranged(groups, arrangement.ignored)


@frozen
class _StoredMembers:
    """``extract`` of files that lie in staging or in a session."""

    members: tuple[LoadedMember, ...]
    context: ExtractContext
    hook: str = "extract"

    @property
    def size(self) -> int:
        """See ``Job``."""
        return sum(member.size for member in self.members)

    def names(self) -> Sequence[str]:
        """See ``Job``."""
        return [member.name for member in self.members]

    def parts(self) -> Sequence[Self]:
        """See ``Job``."""
        return [evolve(self, members=(member,)) for member in self.members]

    def _files(self, calls: HookCalls) -> Iterator[ImportedFile]:
        records = calls.extract(self.members, self.context) if self.members else ()
        return (record for record in records if isinstance(record, ImportedFile))


@frozen
class FoldingAgain(_StoredMembers):
    """The fold of stored files; ``None`` where none of them is data."""

    def run(self, calls: HookCalls) -> Fold | None:
        """Ask and fold."""
        folded: Fold = {}
        some = False
        for file in self._files(calls):
            some = True
            fold(folded, file.facts, file.member)
        return folded if some else None


@frozen
class ReadingAgain(_StoredMembers):
    """UID and instance number of files that an extension changed, by member."""

    def run(self, calls: HookCalls) -> dict[int, tuple[str, int | None]]:
        """Ask."""
        return {file.member: (file.uid, file.instance_number) for file in self._files(calls)}


@frozen
class Transforming:
    """``transform_files`` of one session's staged files; then their digests, by member."""

    files: tuple[StagedFile, ...]
    context: TransformContext
    hook: str = "transform_files"

    @property
    def size(self) -> int:
        """See ``Job``."""
        return sum(file.path.stat().st_size for file in self.files)

    def names(self) -> Sequence[str]:
        """See ``Job``."""
        return [file.name for file in self.files]

    def parts(self) -> Sequence[Job[Any]]:
        """See ``Job``: a file that was half changed is no file to try again."""
        return []

    def run(self, calls: HookCalls) -> tuple[tuple[tuple[str, Rejected], ...], dict[int, str]]:
        """Let each extension change them, then digest what it left."""
        rejected = calls.transform_files(self.files, self.context)
        return rejected, {file.member: sha256_of(file.path) for file in self.files}


@frozen
class Calling(Generic[T_co]):
    """A hook whose arguments do not travel: it is asked in the service's own process, before a deadline too."""

    hook: str
    run: Callable[[HookCalls], T_co]
    size: int = 0

    def names(self) -> Sequence[str]:
        """See ``Job``: it sees no member."""
        return []

    def parts(self) -> Sequence[Job[Any]]:
        """See ``Job``: it is one question."""
        return []


@frozen
class Describing:
    """``describe`` of a session."""

    session: StoredSession
    context: DescribeContext
    hook: str = "describe"
    size: int = 0

    def names(self) -> Sequence[str]:
        """See ``Job``: it sees no member."""
        return []

    def parts(self) -> Sequence[Job[Any]]:
        """See ``Job``: it is one question."""
        return []

    def run(self, calls: HookCalls) -> tuple[str, SessionDocument]:
        """Ask."""
        return calls.describe(self.session, self.context)


@frozen
class Digesting:
    """The digests of files: no plugin has a part in it."""

    paths: tuple[Path, ...]
    size: int = 0
    hook: str = "digest"

    def names(self) -> Sequence[str]:
        """See ``Job``."""
        return [path.name for path in self.paths]

    def parts(self) -> Sequence[Job[Any]]:
        """See ``Job``: nothing can die of it."""
        return []

    def run(self, calls: HookCalls) -> tuple[tuple[str, str, int], ...]:  # noqa: ARG002 - a job's signature
        """Read each file once: MD5, SHA-256, bytes."""
        return tuple(map(_digests_of, self.paths))


def _sealed(hint: object) -> bytes | None:
    if hint is None:
        return None
    try:
        sealed = pickle.dumps(hint)
        pickle.loads(sealed)  # noqa: S301 - made here
    except Exception as error:  # noqa: BLE001 - pickling runs what plugins wrote
        message = f"answered a hint that cannot travel ({type(error).__name__})"
        raise NoAnswer(message) from None
    return sealed


def _digests_of(path: Path) -> tuple[str, str, int]:
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    with path.open("rb", buffering=0) as stream:
        while piece := stream.read(_PIECE):
            md5.update(piece)
            sha256.update(piece)
            size += len(piece)
    return md5.hexdigest(), sha256.hexdigest(), size
