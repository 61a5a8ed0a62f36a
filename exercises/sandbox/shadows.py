"""Files beside the learner's that have the name of a module: Python would import them in its place."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Set
from importlib.machinery import PathFinder, all_suffixes
from pathlib import Path

from ..grading.recording import Crash

#: What learners' files are meant to import
_GIVEN = frozenset(("numpy", "lstm_ext", "lstm_lab"))


def shadow(folder: Path, source: str) -> Crash | None:
    """A file in ``folder`` that hides a module which ``source`` imports, or which Python and NumPy need themselves."""
    imported = _imports(source)
    needed = _GIVEN | {name.partition(".")[0] for name in sys.modules} | set(imported)
    for name, file in _modules(folder):
        if name in needed and _elsewhere(name):
            line = imported.get(name, 0)
            text = source.split("\n")[line - 1].strip()[:200] if line else ""
            return Crash("shadow", f"{file} hides the module {name}", line, text)
    return None


def _modules(folder: Path) -> list[tuple[str, str]]:
    """What could be imported from ``folder``: names of modules, and of their files."""
    found = []
    for entry in sorted(os.listdir(folder)):
        for suffix in all_suffixes():
            if entry.endswith(suffix) and entry.removesuffix(suffix).isidentifier():
                found.append((entry.removesuffix(suffix), entry))
        if (folder / entry / "__init__.py").is_file():
            found.append((entry, f"{entry}/"))
    return found


def _elsewhere(name: str) -> bool:
    return name in _STANDARD or name in _GIVEN or PathFinder.find_spec(name) is not None


def _imports(source: str) -> dict[str, int]:
    """The modules that the text imports, with the first line of each."""
    names: dict[str, int] = {}
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return names
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module or ""]
        else:
            continue
        for module in modules:
            names.setdefault(module.partition(".")[0], node.lineno)
    return names


_STANDARD: Set[str] = sys.stdlib_module_names
