"""Runs a learner's class on given weights and symbols, and reports every number that it computed.

This is the part that executes foreign code: the sandbox calls ``observe`` in a child process, with plain data.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from ..grading.inline import syntax_crash
from .calling import Cell, Network, Runner, Sequence, parameters
from .instrument import RECORDER, Instrumented, instrument
from .recorder import Recorder
from .unusable import Unusable, explained, followed
from .weights import Weights

_RUNNERS: dict[str, type[Runner]] = {"network": Network, "sequence": Sequence, "cell": Cell}
_SEQUENCES = ("xs", "inputs", "sequence", "x_seq", "xseq")
_WORDS = {"lstm": ("lstm",), "gru": ("gru",), "rnn": ("rnn", "elman", "recurrent")}


def observe(module: ModuleType, request: dict[str, Any]) -> dict[str, Any]:
    """Executes ``request["source"]`` in ``module``, and runs a class of it forward and backward.

    The request has ``source``, ``path``, ``cell`` ("" is any), ``sizes`` (D, H), ``inputs`` and ``targets`` (symbols),
    ``weights`` (canonical names), ``h`` and ``c`` (H,), ``x_first`` (whether [x, h] may be tried), and ``known``: for
    each kind of cell the losses, and the h after one step, that right code has. The answer has ``events`` and
    ``numbers`` of the recorder, its tables, and what became of the file.
    """
    answer: dict[str, Any] = {"problem": "", "line": 0, "notes": []}
    recorder: Recorder | None = None
    try:
        tree = _parsed(request["source"], request["path"])
        recorder = Recorder(tree.statements, module.__name__)
        with np.errstate(all="ignore"):
            _execute(tree, recorder, module, request["path"])
            _Session(module, recorder, request, answer).run()
    except Unusable as error:
        answer["problem"], answer["line"] = str(error), error.line
    if recorder is not None:
        answer.update(recorder.export())
    return answer


def _parsed(source: str, path: str) -> Instrumented:
    try:
        return instrument(source, path)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise explained(syntax_crash(error)) from None


def _execute(tree: Instrumented, recorder: Recorder, module: ModuleType, path: str) -> None:
    module.__file__ = path
    sys.modules[module.__name__] = module
    sys.path.append(os.path.dirname(path))
    vars(module)[RECORDER] = recorder
    with followed(path):
        exec(compile(tree.tree, path, "exec", dont_inherit=True), vars(module))


class _Session:
    """One class, one object, one run."""

    def __init__(self, module: ModuleType, recorder: Recorder, request: dict[str, Any], answer: dict[str, Any]) -> None:
        self._module, self._recorder, self._request, self._answer = module.__name__, recorder, request, answer
        self._path = request["path"]
        D, H = request["sizes"]
        self._sizes = (D, H, D)
        self._found = list(self._classes(vars(module)))
        if not self._found:
            wanted = {"": "LSTM, LSTMCell, GRU, GRUCell, RNN or RNNCell"}.get(
                request["cell"], f"{request['cell'].upper()} or {request['cell'].upper()}Cell"
            )
            raise Unusable(f"no class to follow: expected one named {wanted}, with a method forward")

    def _classes(self, namespace: dict[str, Any]) -> Iterator[tuple[str, type]]:
        """Cells and classes, LSTM before the others, networks before sequences before cells."""
        own = [v for v in namespace.values() if isinstance(v, type) and v.__module__ == self._module]
        found = []
        for cell, words in _WORDS.items():
            if self._request["cell"] in ("", cell):
                for kind in own:
                    name = kind.__name__.lower()
                    known = any(word in name for word in words) and not (cell == "rnn" and "lstm" in name)
                    if known and callable(getattr(kind, "forward", None)):
                        found.append((cell, kind))
        order = list(_WORDS)
        rank = {id(kind): (order.index(cell), list(_RUNNERS).index(_kind_of(kind))) for cell, kind in found}
        yield from sorted(found, key=lambda pair: rank[id(pair[1])])

    def run(self) -> None:
        """Runs the first class that is written; a network that is not gives way to its cell."""
        for index, (cell, kind) in enumerate(self._found):
            last = index == len(self._found) - 1
            try:
                self._run(cell, kind)
            except Unusable as error:
                if last or self._found[index + 1][0] != cell or not error.unwritten:
                    raise
            else:
                break
        others = sorted({c for c, _ in self._found} - {self._answer["cell"]})
        if others:
            self._answer["notes"].append(f"the file also has a {others[0].upper()}: --cell {others[0]} follows that")

    def _run(self, cell: str, kind: type) -> None:
        request, shape = self._request, _kind_of(kind)
        line = _class_line(kind)
        self._answer.update(cell=cell, kind=shape, name=kind.__name__, class_line=line)
        make = self._maker(kind)
        owner = make()
        with followed(self._path):
            weights = Weights(owner, cell, self._sizes, self._module)
        missing = weights.missing(shape != "cell")
        if shape == "sequence" and "W_y" in missing:
            names = ", ".join(parameters(kind.forward))  # type: ignore[attr-defined]
            raise Unusable(
                f"{kind.__name__}.forward takes {names}: expected a cell, forward(x, h_prev), or a network with its "
                "loss, forward(inputs, targets, h_prev), or one with an output layer Wy, forward(xs, h0)"
            )
        biases = [name for name in missing if name.startswith("b")]
        if [name for name in missing if name.startswith("W")]:
            wanted = ", ".join(_spelled(name, cell) for name in missing)
            D, H, V = self._sizes
            have = ", ".join(f"{name} {shape}" for name, shape in list(weights.matrices.items())[:8]) or "no matrix"
            raise Unusable(
                f"{kind.__name__} has no array for {wanted}: got {have}; expected attributes of these names, W of "
                f"(H, H+D) = ({H}, {H + D})" + (f", Wy of (V, H) = ({V}, {H})" if shape == "network" else "")
            )
        self._answer["without"] = biases
        self._answer["placed"] = weights.names
        runner = _RUNNERS[shape]
        layouts = [found for found in weights.layouts() if request["x_first"] or not found.x_first]
        chosen = layouts[0]
        if len(layouts) > 1:
            for layout in layouts:
                trial = make()
                with contextlib.suppress(Exception, SystemExit):
                    held = Weights(trial, cell, self._sizes, self._module)
                    held.place(request["weights"][cell], layout)
                    if runner(trial, held, self._recorder, request, self._sizes, cell, self._path).agrees():
                        chosen = layout
                        break
            else:
                if chosen.order:
                    order = ", ".join({"g": "candidate", "n": "candidate"}.get(gate, gate) for gate in chosen.order)
                    self._answer["notes"].append(f"the order of gates in the stacked W is taken to be {order}")
        self._answer["layout"] = {"x_first": chosen.x_first, "order": chosen.order}
        weights.place(request["weights"][cell], chosen)
        self._recorder.on = True
        runner(owner, weights, self._recorder, request, self._sizes, cell, self._path).follow(self._answer)

    def _maker(self, kind: type) -> Callable[[], Any]:
        D, H, V = self._sizes
        names = parameters(kind.__init__, required=True)  # type: ignore[misc]
        by_place, arguments = iter((D, H, V)), {}
        for name in names:
            size = next(by_place, None)
            low = name.lower()
            if "hid" in low or low in ("h", "n_h", "nh", "units"):
                size = H
            elif "out" in low or low in ("v", "n_y", "ny", "num_classes"):
                size = V
            elif "in" in low.split("_") or "vocab" in low or "input" in low or low in ("d", "n_x", "nx"):
                size = D
            arguments[name] = size

        def make() -> Any:
            with followed(self._path):
                return kind(**arguments)

        return make


def _kind_of(kind: type) -> str:
    """By what forward takes: symbols and targets, a sequence, or one input."""
    names = [name.lower() for name in parameters(kind.forward)]  # type: ignore[attr-defined]
    if any("target" in name or name in ("y", "ys", "labels") for name in names):
        return "network"
    return "sequence" if names and names[0] in _SEQUENCES else "cell"


def _class_line(kind: type) -> int:
    code = getattr(kind.__dict__.get("forward"), "__code__", None)
    return int(code.co_firstlineno) if code else 0


def _spelled(name: str, cell: str) -> str:
    letters = {"lstm": {"g": "c"}, "gru": {"n": "h"}, "rnn": {}}[cell]
    kind, _, gate = name.partition("_")
    if cell == "rnn" and gate == "h":
        return "W_hh and W_xh" if kind == "W" else "b"
    return kind + letters.get(gate, gate)
