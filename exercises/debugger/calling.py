"""Calls the methods of a learner's object, as a network, a sequence or a cell, and records what comes back."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from .recorder import Recorder, numbers
from .unusable import Unusable, followed
from .weights import Weights

_GRADIENTS_OF_STATE = {
    "h": ("dhprev", "dhnext", "dh0", "dhprevious", "dhtprev", "dh"),
    "c": ("dcprev", "dcnext", "dc0", "dcprevious", "dctprev", "dc"),
}


class Runner(ABC):
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

    @abstractmethod
    def agrees(self) -> bool:
        """Whether the way forward is right, which tells layouts of weights apart."""

    @abstractmethod
    def follow(self, answer: dict[str, Any]) -> None:
        """Forward and backward, recorded."""

    def _vector(self, values: np.ndarray) -> Any:
        """As the class has its biases: (n,), (n, 1), (1, n) or a list."""
        if self._weights.lists:
            return values.tolist()
        shape = self._weights.vector_shape
        return values.copy() if shape is None else values.reshape(shape).copy()

    def _state(self) -> list[Any]:
        names = "hc" if self._cell == "lstm" else "h"
        return [self._vector(self._request[name]) for name in names]

    def _judged(self, t: int, y: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss of the scores at step ``t``, and its gradient: of softmax and the mean cross-entropy."""
        targets = self._request["targets"]
        target = targets[t - 1]
        e = np.exp(y - y.max())
        p, loss = e / e.sum(), float(y.max() - y[target] + np.log(e.sum()))
        self._recorder.t = t
        for name, value in (("y", y), ("p", p), ("loss", loss)):
            self._recorder.give(name, value)
        return loss, (p - np.eye(len(y))[target]) / len(targets)

    def _knows(self, what: str, value: np.ndarray) -> bool:
        known = self._request["known"][self._cell][what]
        return any(value.shape == right.shape and np.allclose(value, right, rtol=1e-4, atol=1e-7) for right in known)


class Network(Runner):
    """forward(inputs, targets, h_prev, C_prev) → loss; backward()."""

    def agrees(self) -> bool:
        """Whether the loss is right."""
        loss = numbers(self._forward())
        return loss is not None and self._knows("losses", loss)

    def _forward(self) -> Any:
        required = parameters(self._owner.forward, required=True)
        every = parameters(self._owner.forward)
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
        with followed(self._path):
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
        with followed(self._path):
            names = parameters(self._owner.backward, required=True)
            known = {"inputs": self._request["inputs"], "targets": self._request["targets"]}
            result = self._owner.backward(*(list(known.get(name, known["targets"])) for name in names))
        answer["went_back"] = True
        recorder.keep(result, "return")
        recorder.keep(vars(self._owner), "self")


class Sequence(Runner):
    """forward(xs, h0, C0) → outputs (T, V); backward(douts) → gradients. The loss is ours."""

    def agrees(self) -> bool:
        """Whether the loss is right."""
        losses = [self._judged(t, y)[0] for t, y in enumerate(self._forward(), 1)]
        return self._knows("losses", np.array([sum(losses)]))

    def _forward(self) -> list[np.ndarray]:
        D, _, V = self._sizes
        xs = np.eye(D)[self._request["inputs"]]
        given: list[Any] = [xs.tolist() if self._weights.lists else xs, *self._state()]
        count = len(parameters(self._owner.forward))
        self.states = min(count, len(given)) - 1
        result = self._owner.forward(*given[:count])
        outputs = result[0] if isinstance(result, tuple) and result else result
        rows = [numbers(row) for row in outputs] if isinstance(outputs, (np.ndarray, list)) else []
        found = [row for row in rows if row is not None and row.shape == (V,)]
        if not len(found) == len(rows) == len(xs):
            wanted = f"the outputs, (T, V) = ({len(xs)}, {V})"
            raise Unusable(f"{self._name}.forward returned {_described(result)}, expected {wanted}")
        return found

    def follow(self, answer: dict[str, Any]) -> None:
        """Forward, the loss of what came out, and backward with its gradient."""
        recorder = self._recorder
        recorder.phase = "forward"
        with followed(self._path):
            scores = self._forward()
        answer["states"] = self.states
        recorder.keep(vars(self._owner), "self")
        judged = [self._judged(t, y) for t, y in enumerate(scores, 1)]
        douts = [dy for _, dy in judged]
        recorder.t = 0
        answer["loss"] = sum(loss for loss, _ in judged) / len(judged)
        if not callable(getattr(self._owner, "backward", None)):
            answer["notes"].append(f"{self._name} has no method backward: only the way forward was followed")
            return
        recorder.phase = "backward"
        for t, dy in enumerate(douts, 1):
            recorder.t = t
            recorder.give("dy", dy)
        recorder.t = 0
        with followed(self._path):
            result = self._owner.backward([list(dy) for dy in douts] if self._weights.lists else np.array(douts))
        answer["went_back"] = True
        recorder.keep(result, "return")
        recorder.keep(vars(self._owner), "self")


class Cell(Runner):
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
        inputs = request["inputs"]
        recorder.phase = "forward"
        state, before, caches, dys = self._state(), [], [], []
        losses = []
        for t, symbol in enumerate(inputs, 1):
            recorder.t = t
            before.append(state)
            with followed(self._path):
                state, cache = self._forward(symbol, [_copied(part) for part in state])
            for name, value in zip("hc", state, strict=False):
                recorder.keep(value, name)
            caches.append(cache)
            h = numbers(state[0])
            y = W_y @ h + b_y
            loss, dy = self._judged(t, y)
            losses.append(loss)
            dys.append(dy)
        recorder.t = 0
        answer["states"] = len(state)
        answer["loss"] = sum(losses) / len(losses)
        recorder.give("loss", answer["loss"])
        if not callable(getattr(self._owner, "backward", None)):
            answer["notes"].append(f"{self._name} has no method backward: only the way forward was followed")
            return
        recorder.phase = "backward"
        names = parameters(self._owner.backward, required=True)
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
            with followed(self._path):
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


def parameters(function: Any, *, required: bool = False) -> list[str]:
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


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, (np.ndarray, list)) else value


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
