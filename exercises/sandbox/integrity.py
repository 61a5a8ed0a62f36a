"""Whether a learner's file has replaced parts of NumPy or Python, which the grader works with itself."""

from __future__ import annotations

import ast
import builtins
from types import ModuleType

import numpy as np

from ..grading.recording import Crash

_MODULES: tuple[ModuleType, ...] = (np, np.linalg, np.random, builtins)


class Integrity:
    """Remembers what these modules hold. New names are no harm: NumPy loads some of its own late."""

    def __init__(self) -> None:
        self._before = [dict(vars(module)) for module in _MODULES]

    def restore(self, source: str) -> Crash | None:
        """Put back what was replaced, and say what; ``source`` is where the line is looked for."""
        changed = []
        for module, before in zip(_MODULES, self._before, strict=True):
            now = vars(module)
            for name, value in before.items():
                if now.get(name) is not value:
                    now[name] = value
                    changed.append((module.__name__, name))
        if not changed:
            return None
        module_name, name = changed[0]
        line = _assignment(source, name)
        text = source.split("\n")[line - 1].strip()[:200] if line else ""
        return Crash("patched", f"it replaces {module_name}.{name}", line, text)


def _assignment(source: str, name: str) -> int:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Store | ast.Del):
            return node.lineno
    return 0
