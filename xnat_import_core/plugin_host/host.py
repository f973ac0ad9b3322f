"""``PluginHost``: the plugins of one service. Imports each when it is needed, remembers it, lets none harm another."""

from __future__ import annotations

import threading
from itertools import groupby
from typing import TYPE_CHECKING

from xnat_import_core.errors import InvalidRequestError, PluginError, UnknownHandlerError
from xnat_import_core.plugin_host.calls import HookCalls
from xnat_import_core.plugin_host.checks import Problem
from xnat_import_core.plugin_host.events import EventLog, StructlogEvents
from xnat_import_core.plugin_host.loading import Loaded, Refusal, clash, load
from xnat_import_core.plugin_host.sources import Claim, Kind, PluginReport, PluginSource, in_order, without

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xnat_import_core.models import Detection, Upload
    from xnat_import_core.settings import Plugins

__all__ = ["PluginHost"]


class PluginHost:
    """The handlers and extensions of one service.

    A handler is imported when its key is asked for, extensions with the first handler. What was imported once, or
    could not be, stays so until the process ends. Any thread may ask.

    Args:
        source: Where plugins come from.
        settings: ``deny`` holds for every source; ``order`` names extensions that are called before the others.
        log: Takes events; ``None``: structlog.
    """

    def __init__(self, source: PluginSource, settings: Plugins, log: EventLog | None = None) -> None:
        self._source = source
        self._settings = settings
        self._log = log or StructlogEvents()
        self._lock = threading.RLock()
        self._loaded: dict[tuple[Kind, str], tuple[Loaded | Refusal, ...]] = {}
        self._calls: dict[str, HookCalls] = {}

    def handler_names(self) -> tuple[str, ...]:
        """Keys of all handlers, sorted. Imports nothing."""
        return tuple(self._claims("handler"))

    def reports(self) -> tuple[PluginReport, ...]:
        """Every handler by key, then every extension in the order of calls; imports all of them, each guarded."""
        with self._lock:
            handlers = [found for key in self._claims("handler") for found in self._load("handler", key)]
            return tuple(found.report() for found in (*handlers, *self._load_extensions()))

    def calls(self, key: str) -> HookCalls:
        """The typed hooks for one handler key, compared with case.

        Raises:
            UnknownHandlerError: Nobody claims the key.
            PluginError: The handler cannot be loaded, or two distributions claim the key; says what to do.
        """
        calls = self._calls.get(key)
        if calls is None:
            with self._lock:
                calls = self._calls.get(key) or self._build(key)
                self._calls[key] = calls
        return calls

    def detect(self, upload: Upload) -> tuple[str, Detection] | None:
        """Ask every handler whether an upload is its own; the single highest confidence wins.

        Returns:
            The key, and what its handler said; ``None`` where no handler knows the upload.

        Raises:
            InvalidRequestError: Several are equally sure; names them.
        """
        answers = [(key, answer) for key, answer in self._detections(upload) if answer is not None]
        if not answers:
            return None
        highest = max(answer.confidence for _, answer in answers)
        best = [(key, answer) for key, answer in answers if answer.confidence == highest]
        if len(best) > 1:
            names = " and ".join(key for key, _ in best)
            message = f"The upload may be for {names}, which are equally sure. Say which with import-handler."
            raise InvalidRequestError(message)
        return best[0]

    def _detections(self, upload: Upload) -> Iterator[tuple[str, Detection | None]]:
        with self._lock:
            handlers = [found for key in self._claims("handler") for found in self._load("handler", key)]
        for found in handlers:
            if isinstance(found, Loaded) and "detect" in found.hooks:
                yield found.claim.key, HookCalls(found, (), self._log).detect(upload)

    def _build(self, key: str) -> HookCalls:
        if key not in self._claims("handler"):
            message = f"Unknown importer implementation specified: {key}"
            raise UnknownHandlerError(message)
        handler = self._load("handler", key)[0]
        if isinstance(handler, Refusal):
            raise handler.error()
        extensions = tuple(found for found in self._load_extensions() if isinstance(found, Loaded))
        self._check_required({found.claim.key for found in extensions})
        return HookCalls(handler, extensions, self._log)

    def _check_required(self, loaded: set[str]) -> None:
        for name in self._settings.require:
            if name not in loaded:
                message = (
                    f"The extension {name} is required (setting plugins.require) and is not there or cannot be used; "
                    "nothing is imported without it. 'xnat-import handlers' says why."
                )
                raise PluginError(message, plugin=name, distribution="", hook="")

    def _claims(self, kind: Kind) -> dict[str, tuple[Claim, ...]]:
        allowed = without(self._source.claims(kind), self._settings.deny)
        return {key: tuple(group) for key, group in groupby(allowed, key=lambda claim: claim.key)}

    def _load_extensions(self) -> tuple[Loaded | Refusal, ...]:
        names = in_order(self._claims("extension"), self._settings.order)
        return _each_once(found for name in names for found in self._load("extension", name))

    def _load(self, kind: Kind, key: str) -> tuple[Loaded | Refusal, ...]:
        known = self._loaded.get((kind, key))
        if known is None:
            claims = self._claims(kind)[key]
            known = (load(claims[0]),) if len(claims) == 1 else clash(claims)
            self._loaded[kind, key] = known
            for found in known:
                self._tell(found)
        return known

    def _tell(self, found: Loaded | Refusal) -> None:
        if isinstance(found, Refusal):
            report = found.report()
            self._log.error(
                "plugin refused",
                plugin=report.key,
                distribution=report.distribution,
                error=report.error,
                remedy=report.remedy,
            )


def _each_once(extensions: Iterator[Loaded | Refusal]) -> tuple[Loaded | Refusal, ...]:
    """Refuse a second name for one and the same extension: it would be called twice."""
    names: dict[int, str] = {}
    answer: list[Loaded | Refusal] = []
    for found in extensions:
        if isinstance(found, Loaded):
            first = names.setdefault(id(found.plugin), found.claim.key)
            if first != found.claim.key:
                problem = Problem(f"it is the same plugin as {first}", "Keep one of the two entry points.")
                answer.append(Refusal(found.claim, problem))
                continue
        answer.append(found)
    return tuple(answer)
