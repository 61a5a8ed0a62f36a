"""The lines of the C core and of its NumPy twin that compute a stage, found in the sources that are installed."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..arguments import check_choice, checked
from ..cells import CELLS
from ..cells.code import AROUND, DENSE, DENSE_WEIGHTS, FROM_SCORES, SYMBOL, SYMBOL_WEIGHTS
from ..cells.config import LayerConfig
from ..engine.twin import layers, model, optimizers
from .stages import UPDATE_STAGES, backward_stages, forward_stages

_PACKAGE = Path(__file__).resolve().parent.parent
#: Where the C sources are: in the package, where a wheel has them, or beside it.
_FOLDERS = (_PACKAGE / "csrc", _PACKAGE.parent / "csrc")


@dataclass(frozen=True)
class SourceLine:
    """A line of one of the engines: which one, its file, its number there, and its text."""

    engine: Literal["C", "NumPy"]
    file: str
    number: int
    text: str


@checked
def lines(config: LayerConfig, stage: str, *, symbols: bool = True) -> list[SourceLine]:
    """The lines that compute ``stage`` in a layer that reads ``symbols`` or the output of the layer below.

    Those of the C core come first. A source that is not installed is left out. Raises ArgumentError for a stage that
    this layer does not have.
    """
    known = [*forward_stages(config, symbols=symbols), *backward_stages(config), *UPDATE_STAGES]
    check_choice("stage", stage, [own.id for own in known])
    cell = CELLS[config.cell]
    own, into = cell.code(config), SYMBOL if symbols else DENSE
    own["dW"] += SYMBOL_WEIGHTS if symbols else DENSE_WEIGHTS
    own["dh"] = FROM_SCORES + own["dh"]
    sums = {f"a{cell.suffix(block.name)}" if block.squash else block.name for block in cell.blocks}
    code = {**AROUND, "x": into, "total": own["dW"], **own}[stage]
    if stage in sums:
        code = into + code
    c = (_in_c(piece, config.cell) for piece in code.c)
    numpy = (_in_numpy(piece, config.cell) for piece in code.numpy)
    return [line for line in (*c, *numpy) if line is not None]


@functools.cache
def _in_c(piece: str, cell: str) -> SourceLine | None:
    for name in (f"{cell}.inc.c", "layer.h", "engine.inc.c", "output.inc.c", "optimizer.inc.c"):
        text = _c_source(name)
        if text is None:
            return None
        if piece in text:
            number, line = _line_of(piece, text)
            return SourceLine("C", f"csrc/kernel/{name}", number, line)
    return None


@functools.cache
def _c_source(name: str) -> str | None:
    for folder in _FOLDERS:
        try:
            return (folder / "kernel" / name).read_text(encoding="utf-8")
        except OSError:
            continue
    return None


@functools.cache
def _in_numpy(piece: str, cell: str) -> SourceLine | None:
    """Only functions are searched: a cell's file has the pieces, too."""
    own = type(CELLS[cell])  # type: ignore[index]
    for function in (
        *(own.forward, own.backward, own.recurrent_gradients, own.peephole_gradients),
        *(layers.layer_forward, layers._input_projection, layers._input_gradients),
        *(model.Engine._run, model.Engine.backward, model._cross_entropy, model._cross_entropy_gradient),
        *(optimizers.global_norm, optimizers.clipped, optimizers.apply),
    ):
        found = _in_function(piece, inspect.unwrap(function))
        if found is not None:
            return found
    return None


def _in_function(piece: str, function: Callable[..., object]) -> SourceLine | None:
    try:
        source, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return None
    text = "".join(source)
    if piece not in text:
        return None
    number, line = _line_of(piece, text)
    file = Path(inspect.getfile(function)).resolve().relative_to(_PACKAGE.parent)
    return SourceLine("NumPy", file.as_posix(), first + number - 1, line)


def _line_of(piece: str, text: str) -> tuple[int, str]:
    number = text[: text.index(piece)].count("\n") + 1
    return number, text.split("\n")[number - 1].strip()
