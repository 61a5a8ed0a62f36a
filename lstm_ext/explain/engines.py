"""One walk by both engines, number by number: how far the C core and its NumPy twin are from each other.

An engine keeps its gates and states, and gives the gradients of all steps together. For the gradients of a single step
its backward pass is called for that step alone. What neither gives is computed by the walk from what they give.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import Count, checked
from ..cells import CELLS
from ..cells.cell import Values
from ..cells.config import Weights
from ..engine.backend import available_backends, engine_module
from ..engine.interface import EngineModule
from ..errors import ArgumentError
from ..nn.language_model import LanguageModel
from .walk import Walk, walk


@checked
@dataclass(frozen=True)
class Repeated:
    """A walk as one engine makes it, and of each step (by t) the gradients that are the engine's own."""

    walk: Walk
    gradients: dict[int, Values]

    def values(self, index: Count) -> np.ndarray:
        """The values of moment number ``index``, in the shape that the walk has them. Raises ArgumentError."""
        if index >= len(self.walk.moments):
            raise ArgumentError(f"index: got {index}, expected one below {len(self.walk.moments)}")
        moment = self.walk.moments[index]
        own = self.gradients.get(moment.step.t, {}) if moment.phase == "backward" else {}
        return own.get(moment.stage.id, moment.values)


@checked
@dataclass(frozen=True)
class Both:
    """The same walk by the C core and by the twin, in float64; ``core`` is None where it is not installed."""

    core: Repeated | None
    twin: Repeated

    def numbers(self, index: Count, unit: Count) -> tuple[float | None, float | None]:
        """The core's and the twin's number at a moment of the walk; None where there is no single one, and without
        the core. Raises ArgumentError for a moment or a unit that there is not."""
        moment = self.twin.walk.moments[index] if index < len(self.twin.walk.moments) else None
        place = None if moment is None or moment.value(unit) is None else moment.place(unit)
        core, twin = (None if own is None else own.values(index) for own in (self.core, self.twin))
        if place is None or twin is None:
            return None, None
        return None if core is None else float(core[place]), float(twin[place])

    @property
    def difference(self) -> float:
        """The largest difference of all numbers of the walk; NaN without the core."""
        if self.core is None:
            return float("nan")
        compared = (k for k, m in enumerate(self.twin.walk.moments) if m.stage.axis != "weights")
        return max(float(np.abs(self.core.values(k) - self.twin.values(k)).max()) for k in compared)


@checked
def both(walked: Walk) -> Both:
    """Repeat a walk with both engines, from the weights and the state that it started from."""
    found = {name: _by(walked, name) for name in available_backends()}
    return Both(found.get("c"), found["numpy"])


def _by(walked: Walk, backend: str) -> Repeated:
    model = LanguageModel(walked.config, backend=backend)
    model.load(walked.updated.before)
    again = walk(
        model,
        walked.text,
        walked.vocabulary,
        clip_norm=float(walked.update.values["limit"][0]),
        state=walked.start,
        learning_rate=walked.updated.learning_rate,
    )
    prefix = f"layers.{walked.config.num_layers - 1}."
    arrays = walked.config.parameter_views(walked.updated.before)
    weights = Weights(**{name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)})
    engine = engine_module(backend)
    return Repeated(again, {step.t: _gradients(engine, again, weights, step.values) for step in again.steps})


def _gradients(engine: EngineModule, walked: Walk, weights: Weights, v: Values) -> Values:
    """∂L/∂a of every block and the gradients of the states before, by the engine's backward pass of one step."""
    layer = walked.layer
    cell = CELLS[layer.cell]
    names = [state.name for state in cell.states]
    state = np.stack([v[f"{name}_prev"] for name in names])[:, None]
    later = np.stack([v[f"d{name}.next"] for name in names])[:, None]
    acts = engine.layer_forward(layer, weights, np.ascontiguousarray(v["x"])[None, None], state)
    found = engine.layer_backward(weights, acts, np.ascontiguousarray(v["dh.output"])[None, None], later)
    da = found.db[: len(cell.blocks) * layer.hidden_size].reshape(len(cell.blocks), -1)
    result = {f"da{cell.suffix(block.name)}": da[k] for k, block in enumerate(cell.blocks)}
    return result | {f"d{name}_prev": found.dstate[k, 0] for k, name in enumerate(names)}
