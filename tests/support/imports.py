"""What the program's modules import, read from their source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement's target."""

    importer: str
    module: str
    names: tuple[str, ...]
    """What `from module import …` names; empty for `import module`."""
    line: int
    type_checking: bool
    """True under `if TYPE_CHECKING:`: no import when the program runs."""

    @property
    def package(self) -> str:
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        what = f"from {self.module} import {', '.join(self.names)}" if self.names else f"import {self.module}"
        return f"{self.importer}:{self.line}: {what}"


def modules(root: Path, package: str) -> dict[str, Path]:
    """Every module of a package, by its dotted name."""
    found = {}
    for path in sorted((root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(name: str, source: str, *, is_package: bool) -> list[Import]:
    """Every import of a module, those inside functions too."""
    here = name if is_package else name.rpartition(".")[0]
    return list(_imports(name, here, ast.parse(source), type_checking=False))


def _imports(name: str, here: str, node: ast.AST, *, type_checking: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(name, alias.name, (), node.lineno, type_checking)
    elif isinstance(node, ast.ImportFrom):
        module = _absolute(here, node.level, node.module)
        yield Import(name, module, tuple(alias.name for alias in node.names), node.lineno, type_checking)
    elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        for statement in node.body:
            yield from _imports(name, here, statement, type_checking=True)
        for statement in node.orelse:
            yield from _imports(name, here, statement, type_checking=type_checking)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _imports(name, here, child, type_checking=type_checking)


def _absolute(here: str, level: int, module: str | None) -> str:
    if level == 0:
        return module or ""
    parts = here.split(".")[: len(here.split(".")) - level + 1]
    return ".".join([*parts, module] if module else parts)


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that reach each other, each sorted; [] for a graph without cycles."""
    reach = {module: _reachable(graph, module) for module in graph}
    groups = {tuple(sorted({a, *(b for b in reach[a] if a in reach[b])})) for a in graph if a in reach[a]}
    return [list(group) for group in sorted(groups)]


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += graph[module]
    return found
