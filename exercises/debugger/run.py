"""Runs a learner's class on given weights and symbols, and reports every number that it computed.

This is the part that executes foreign code: the sandbox calls ``observe`` in a child process, with plain data.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from ..grading.inline import syntax_crash
from ..grading.ladder import crash_finding
from ..grading.recording import Crash
from ..grading.student import crash_of
from .instrument import RECORDER, Instrumented, instrument
from .recorder import Recorder, TooMuch, numbers
from .weights import Weights

_WORDS = {"lstm": ("lstm",), "gru": ("gru",), "rnn": ("rnn", "elman", "recurrent")}
_GRADIENTS_OF_STATE = {
    "h": ("dhprev", "dhnext", "dh0", "dhprevious", "dhtprev", "dh"),
    "c": ("dcprev", "dcnext", "dc0", "dcprevious", "dctprev", "dc"),
}


class Unusable(Exception):
    """Why the file cannot be followed (further): one line, and the line of the file if it has one."""

    def __init__(self, message: str, line: int = 0, *, unwritten: bool = False) -> None:
        super().__init__(message)
        self.line, self.unwritten = line, unwritten


def explained(crash: Crash, when: str = "") -> Unusable:
    """A crash as the learner reads it."""
    place = f"line {crash.line}: " if crash.line else ""
    return Unusable(f"{place}{when}{crash_finding(crash).message}", crash.line, unwritten=crash.kind == "unwritten")


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
    with _followed(path):
        exec(compile(tree.tree, path, "exec", dont_inherit=True), vars(module))


@contextlib.contextmanager
def _followed(path: str, when: str = "") -> Iterator[None]:
    """Turns whatever foreign code raises into one line."""
    try:
        yield
    except Unusable:
        raise
    except TooMuch:
        raise Unusable(
            "it computes too many numbers to be followed; take a shorter text or a smaller network"
        ) from None
    except BaseException as error:
        raise explained(crash_of(error, path), when) from None


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
        """Cells and classes, networks before cells, LSTM before the others."""
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
        rank = {id(kind): (order.index(cell), not self._is_network(kind)) for cell, kind in found}
        yield from sorted(found, key=lambda pair: rank[id(pair[1])])

    def _is_network(self, kind: type) -> bool:
        names = _parameters(kind.forward)  # type: ignore[attr-defined]
        return any("target" in name or name in ("y", "ys", "labels") for name in names)

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
        request, network = self._request, self._is_network(kind)
        names = _parameters(kind.forward)  # type: ignore[attr-defined]
        if not network and names and names[0].lower() in ("xs", "inputs", "sequence", "x_seq", "xseq"):
            raise Unusable(
                f"{kind.__name__}.forward takes {', '.join(names)}: expected a cell, forward(x, h_prev), or a network "
                "with its loss, forward(inputs, targets, h_prev)"
            )
        line = _class_line(kind)
        self._answer.update(cell=cell, kind="network" if network else "cell", name=kind.__name__, class_line=line)
        make = self._maker(kind)
        owner = make()
        with _followed(self._path):
            weights = Weights(owner, cell, self._sizes, self._module)
        missing = weights.missing(network)
        biases = [name for name in missing if name.startswith("b")]
        if [name for name in missing if name.startswith("W")]:
            wanted = ", ".join(_spelled(name, cell) for name in missing)
            D, H, V = self._sizes
            have = ", ".join(f"{name} {shape}" for name, shape in list(weights.matrices.items())[:8]) or "no matrix"
            raise Unusable(
                f"{kind.__name__} has no array for {wanted}: got {have}; expected attributes of these names, W of "
                f"(H, H+D) = ({H}, {H + D})" + (f", Wy of (V, H) = ({V}, {H})" if network else "")
            )
        self._answer["without"] = biases
        self._answer["placed"] = weights.names
        runner = _Network if network else _Cell
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
        names = _parameters(kind.__init__, required=True)  # type: ignore[misc]
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
            with _followed(self._path):
                return kind(**arguments)

        return make


class _Runner:
    """Calls the methods of one object."""

    def __init__(
        self,
        owner: Any,
        weights: Weights,
        recorder: Recorder,
        request: dict[str, Any],
        sizes: tuple[int, int, int],
        cell: str,
        path: str,
    ) -> None:
        self._owner, self._weights, self._recorder, self._request = owner, weights, recorder, request
        self._sizes, self._cell, self._path = sizes, cell, path
        self._name = type(owner).__name__

    def _vector(self, values: np.ndarray) -> Any:
        """As the class has its biases: (n,), (n, 1), (1, n) or a list."""
        if self._weights.lists:
            return values.tolist()
        shape = self._weights.vector_shape
        return values.copy() if shape is None else values.reshape(shape).copy()

    def _state(self) -> list[Any]:
        names = "hc" if self._cell == "lstm" else "h"
        return [self._vector(self._request[name]) for name in names]

    def _knows(self, what: str, value: np.ndarray) -> bool:
        known = self._request["known"][self._cell][what]
        return any(value.shape == right.shape and np.allclose(value, right, rtol=1e-4, atol=1e-7) for right in known)


class _Network(_Runner):
    """forward(inputs, targets, h_prev, C_prev) → loss; backward()."""

    def agrees(self) -> bool:
        """Whether the loss is right."""
        loss = numbers(self._forward())
        return loss is not None and self._knows("losses", loss)

    def _forward(self) -> Any:
        required = _parameters(self._owner.forward, required=True)
        every = _parameters(self._owner.forward)
        given: list[Any] = [list(self._request["inputs"]), list(self._request["targets"]), *self._state()]
        self.states = max(0, min(len(every), len(given)) - 2)
        if len(required) > len(given):
            raise Unusable(
                f"{self._name}.forward takes {', '.join(required)}: expected inputs, targets and the states before"
            )
        loss = self._owner.forward(*given[: len(every)])
        if isinstance(loss, tuple) and loss:
            scalars = [item for item in loss if (n := numbers(item)) is not None and n.size == 1]
            loss = scalars[0] if scalars else loss[0]
        return loss

    def follow(self, answer: dict[str, Any]) -> None:
        """Forward, then backward."""
        recorder = self._recorder
        recorder.phase = "forward"
        with _followed(self._path):
            loss = self._forward()
        answer["states"] = self.states
        recorder.keep(vars(self._owner), "self")
        number = numbers(loss)
        if number is None or number.size != 1:
            raise Unusable(f"{self._name}.forward returned {_described(loss)}, expected the loss, one number")
        recorder.keep(number, "loss")
        answer["loss"] = float(number[0])
        if not callable(getattr(self._owner, "backward", None)):
            answer["notes"].append(f"{self._name} has no method backward: only the way forward was followed")
            return
        recorder.phase = "backward"
        with _followed(self._path):
            names = _parameters(self._owner.backward, required=True)
            known = {"inputs": self._request["inputs"], "targets": self._request["targets"]}
            result = self._owner.backward(*(list(known.get(name, known["targets"])) for name in names))
        answer["went_back"] = True
        recorder.keep(result, "return")
        recorder.keep(vars(self._owner), "self")


class _Cell(_Runner):
    """forward(x, h_prev, c_prev) → (h, c, cache); backward(dh, dc, cache) → gradients. The output layer is ours."""

    def agrees(self) -> bool:
        """Whether h is right after one step."""
        state, _ = self._forward(self._request["inputs"][0], self._state())
        h = numbers(state[0])
        return h is not None and self._knows("h", h)

    def _forward(self, symbol: int, state: list[Any]) -> tuple[list[Any], Any]:
        """The new states and the cache."""
        x = np.zeros(self._sizes[0])
        x[symbol] = 1.0
        result = self._owner.forward(self._vector(x), *state)
        several = isinstance(result, tuple) or (isinstance(result, list) and numbers(result) is None)
        flat = list(result) if several else [result]
        if flat and isinstance(flat[0], tuple):
            flat = [*flat[0], *flat[1:]]
        count = 2 if self._cell == "lstm" else 1
        wanted = "(h, c, cache)" if count == 2 else "(h, cache)"
        if len(flat) < count:
            raise Unusable(f"{self._name}.forward returned {_described(result)}, expected {wanted}")
        for name, value in zip("hc"[:count], flat, strict=False):
            array = numbers(value)
            if array is None or array.shape != (self._sizes[1],):
                raise Unusable(
                    f"{self._name}.forward returned {_described(value)} for {name}, expected {wanted} with {name} of "
                    f"(H,) = ({self._sizes[1]},)"
                )
        return flat[:count], flat[count] if len(flat) > count else None

    def follow(self, answer: dict[str, Any]) -> None:
        """All steps forward with our output layer, then all of them backward."""
        recorder, request = self._recorder, self._request
        weights = request["weights"][self._cell]
        W_y, b_y = weights["W_y"], weights["b_y"]
        inputs, targets = request["inputs"], request["targets"]
        recorder.phase = "forward"
        state, before, caches, dys = self._state(), [], [], []
        losses = []
        for t, (symbol, target) in enumerate(zip(inputs, targets, strict=True), 1):
            recorder.t = t
            before.append(state)
            with _followed(self._path):
                state, cache = self._forward(symbol, [_copied(part) for part in state])
            for name, value in zip("hc", state, strict=False):
                recorder.keep(value, name)
            caches.append(cache)
            h = numbers(state[0])
            y = W_y @ h + b_y
            p = np.exp(y - y.max()) / np.exp(y - y.max()).sum()
            losses.append(float(y.max() - y[target] + np.log(np.exp(y - y.max()).sum())))
            for name, value in (("y", y), ("p", p), ("loss", losses[-1])):
                recorder.give(name, value)
            p[target] -= 1
            dys.append(p / len(inputs))
        recorder.t = 0
        answer["states"] = len(state)
        answer["loss"] = sum(losses) / len(losses)
        recorder.give("loss", answer["loss"])
        if not callable(getattr(self._owner, "backward", None)):
            answer["notes"].append(f"{self._name} has no method backward: only the way forward was followed")
            return
        recorder.phase = "backward"
        names = _parameters(self._owner.backward, required=True)
        gradients = [np.zeros(self._sizes[1]) for _ in state]
        for t in range(len(inputs), 0, -1):
            dy = dys[t - 1]
            if caches[t - 1] is None:  # then the object itself remembers its last step
                recorder.on = False
                self._forward(inputs[t - 1], [_copied(part) for part in before[t - 1]])
                recorder.on = True
            recorder.t = t
            recorder.give("dy", dy)
            recorder.give("dh_out", W_y.T @ dy)
            dh = W_y.T @ dy + gradients[0]
            recorder.give("dh", dh)
            given = [self._vector(dh), *(self._vector(part) for part in gradients[1:])]
            if len(names) > len(given):
                given.append(caches[t - 1])
            with _followed(self._path):
                result = self._owner.backward(*given)
            recorder.keep(result, "return")
            gradients = self._gradients(result)
        recorder.t = 0
        answer["went_back"] = True

    def _gradients(self, result: Any) -> list[np.ndarray]:
        """dh_prev and dc_prev among what backward returned."""
        H = self._sizes[1]
        found: dict[str, np.ndarray | None] = {}
        dictionaries = [result] if isinstance(result, dict) else []
        if isinstance(result, tuple):
            dictionaries += [item for item in result if isinstance(item, dict)]
        for dictionary in dictionaries:
            for state, words in _GRADIENTS_OF_STATE.items():
                for key, value in dictionary.items():
                    if isinstance(key, str) and key.lower().replace("_", "") in words:
                        found.setdefault(state, numbers(value))
        if isinstance(result, tuple) and not found:
            vectors = [n for item in result if (n := numbers(item)) is not None and n.shape == (H,)]
            found = dict(zip("hc", vectors, strict=False))
        gradients = []
        for name in "hc"[: 2 if self._cell == "lstm" else 1]:
            value = found.get(name)
            if value is None or value.shape != (H,):
                have = f"for d{name}_prev" if name in found else f"without d{name}_prev"
                raise Unusable(
                    f"{self._name}.backward returned {_described(result)} {have}, expected a dict with d{name}_prev "
                    f"of (H,) = ({H},) among its keys"
                )
            gradients.append(value)
        return gradients


def _parameters(function: Any, *, required: bool = False) -> list[str]:
    """The names of positional parameters, without self."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [
        p.name
        for p in parameters
        if p.kind in kinds and p.name != "self" and not (required and p.default is not inspect.Parameter.empty)
    ]


def _class_line(kind: type) -> int:
    code = getattr(kind.__dict__.get("forward"), "__code__", None)
    return int(code.co_firstlineno) if code else 0


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, (np.ndarray, list)) else value


def _spelled(name: str, cell: str) -> str:
    letters = {"lstm": {"g": "c"}, "gru": {"n": "h"}, "rnn": {}}[cell]
    kind, _, gate = name.partition("_")
    if cell == "rnn" and gate == "h":
        return "W_hh and W_xh" if kind == "W" else "b"
    return kind + letters.get(gate, gate)


def _described(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    if isinstance(value, dict):
        return "a dict with " + (", ".join(map(str, list(value)[:12])) or "nothing in it")
    return f"a {type(value).__name__}"
