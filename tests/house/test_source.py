"""How the source is built: small rooms, nothing left lying about, one door to the plugins."""

from __future__ import annotations

import ast
import re

FILE_LINES = 400
FUNCTION_LINES = 60
LEFT_OPEN = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SUPPRESSION = re.compile(r"#\s*(?:noqa|type: ignore)(?P<code>[^#-]*)(?:[-#](?P<reason>[^#]*))?")
MANAGER = re.compile(r"\b_?(?:pm|\w*manager)$")
LOUD = {"print", "logging.debug", "logging.info", "logging.warning", "logging.error"}
HOOK_DOORS = {"plugin_host/asking.py", "plugin_host/calls.py", "plugin_host/managers.py"}


def functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_no_module_is_more_than_one_room(distribution):
    too_long = {m.name: n for m in distribution.modules if (n := len(m.read_text("utf-8").splitlines())) > FILE_LINES}
    assert not too_long


def test_a_function_fits_the_eye(distribution):
    long = [
        f"{module.name}:{node.lineno} {node.name}"
        for module in distribution.modules
        if "migrations" not in module.parts
        for node in functions(ast.parse(module.read_text("utf-8")))
        if node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    ]
    assert not long


def test_nothing_is_left_open(distribution):
    open_ends = [m.name for m in distribution.modules if LEFT_OPEN.search(m.read_text("utf-8"))]
    assert not open_ends


def test_nothing_is_called_utils_or_helpers(distribution):
    assert not [m for m in distribution.modules if re.search("util|helper|common|misc", m.stem)]


def touches_hooks(node: ast.AST) -> bool:
    """`pm.hook`, `manager.hook`: the door itself, not a field of that name."""
    return isinstance(node, ast.Attribute) and node.attr == "hook" and bool(MANAGER.search(ast.unparse(node.value)))


def test_only_the_facade_touches_the_hooks(distributions):
    core = distributions[0]
    doors = {
        module.relative_to(core.package).as_posix()
        for module in core.modules
        if any(touches_hooks(node) for node in ast.walk(ast.parse(module.read_text("utf-8"))))
    }
    assert doors
    assert doors <= HOOK_DOORS


def test_nothing_starts_at_import(distribution):
    """Module level holds definitions and optional imports: no loop, no `with`, no bare call."""
    busy = [
        f"{module.name}:{node.lineno}"
        for module in distribution.modules
        if "migrations" not in module.parts
        for node in ast.parse(module.read_text("utf-8")).body
        if isinstance(node, ast.For | ast.While | ast.With)
        or (isinstance(node, ast.Try) and [ast.unparse(h.type) for h in node.handlers if h.type] != ["ImportError"])
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
    ]
    assert not busy


def test_packages_have_no_root_logger_and_no_print(distribution):
    loud = [
        f"{module.name}:{node.lineno}"
        for module in distribution.modules
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in LOUD
    ]
    assert not loud


def test_every_exemption_has_a_reason(distribution):
    """`# noqa: X - reason`, `# type: ignore[x]  # reason`; the first of a kind in a file speaks for the others."""
    bare = []
    for module in distribution.modules:
        explained: set[str] = set()
        for number, line in enumerate(module.read_text("utf-8").splitlines(), 1):
            if found := SUPPRESSION.search(line):
                code = found["code"].strip()
                if not (found["reason"] or "").strip() and code not in explained:
                    bare.append(f"{module.name}:{number}")
                explained.add(code)
    assert not bare
