"""What a learner guessed before the number was measured: ``guess_<name> = number`` in their file."""

from __future__ import annotations

import ast
import math
from types import ModuleType


def guesses_in(module: ModuleType, source: str) -> dict[str, float]:
    """The guesses in a file's text by their names; what is no finite number is left out. Nothing is executed."""
    found: dict[str, float] = {}
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return found
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=value) | ast.AnnAssign(target=ast.Name(name), value=value):
                if name.startswith("guess_") and value is not None and (number := _number(value)) is not None:
                    found[name.removeprefix("guess_")] = number
    return found


def _number(node: ast.expr) -> float | None:
    try:
        value = ast.literal_eval(node)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except (ValueError, TypeError, OverflowError):
        pass
    return None
