"""From a claim to a plugin that may be used, or to the reason why not. Guarded: nothing that a plugin does gets out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from xnat_import_core.errors import PluginError
from xnat_import_core.plugin_host.checks import Problem, check_plugin, hooks_of
from xnat_import_core.plugin_host.sources import Claim, PluginReport

if TYPE_CHECKING:
    from xnat_import_core.models import Extension, Handler

__all__ = ["Loaded", "Refusal", "clash", "load"]


@frozen
class Loaded:
    """A plugin that was imported and passed all checks."""

    claim: Claim
    plugin: object = field(eq=False, repr=False)
    record: Handler | Extension
    hooks: tuple[str, ...]

    def report(self) -> PluginReport:
        """The plugin as people see it."""
        claim = self.claim
        summary = self.record.summary
        return PluginReport(claim.key, claim.kind, summary, claim.distribution, claim.version, self.hooks)


@frozen
class Refusal:
    """A plugin that cannot be used, and why."""

    claim: Claim
    problem: Problem

    def report(self) -> PluginReport:
        """The plugin as people see it."""
        claim, problem = self.claim, self.problem
        error = f"{problem.hook}: {problem.error}" if problem.hook else problem.error
        return PluginReport(
            claim.key, claim.kind, "", claim.distribution, claim.version, (), error=error, remedy=problem.remedy
        )

    def error(self) -> PluginError:
        """The same as an error: plugin, distribution, hook, remedy."""
        claim, problem = self.claim, self.problem
        where = f"hook {problem.hook}: " if problem.hook else ""
        message = (
            f"The {claim.kind} {claim.key} ({claim.distribution}) cannot be used: "
            f"{where}{problem.error}. {problem.remedy}"
        )
        return PluginError(message, plugin=claim.key, distribution=claim.distribution, hook=problem.hook)


def load(claim: Claim) -> Loaded | Refusal:
    """Import a plugin and check it. Never raises, whatever the plugin does (but for ``KeyboardInterrupt``)."""
    try:
        plugin = claim.load()
        problem = check_plugin(plugin, claim.kind)
        if problem is None:
            return Loaded(claim, plugin, getattr(plugin, claim.kind.upper()), hooks_of(plugin))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; it is a fact to report
        problem = _import_problem(error)
    return Refusal(claim, problem)


def clash(claims: tuple[Claim, ...]) -> tuple[Refusal, ...]:
    """Refuse all claims to one name, each naming all distributions."""
    names = sorted({claim.distribution for claim in claims})
    problem = Problem(
        f"the name {claims[0].key} is claimed by {' and by '.join(names)}",
        "Uninstall one of them, or put one distribution's name into the setting plugins.deny.",
    )
    return tuple(Refusal(claim, problem) for claim in claims)


def _import_problem(error: BaseException) -> Problem:
    """Say what happened by type and by name of module: an exception's own text may hold paths of the server."""
    if isinstance(error, SystemExit):
        return Problem("it ends the program when it is imported (SystemExit)", "Remove the call of exit at import.")
    if isinstance(error, ModuleNotFoundError) and error.name:
        return Problem(f"it needs the module {error.name}, which is not installed", "Install it, or name it rightly.")
    remedy = "Import what the entry point names with python -c to see the whole message."
    where = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
    return Problem(f"it raises {type(error).__name__}{where} when it is imported", remedy)
