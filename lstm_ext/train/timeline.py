"""A run's weights at steps that lie ever further apart, so that its way from noise to text can be looked at again.

However long the run, there are at most ``MOST`` of them, in at most ``BYTES``: when there is no more room, every other
one is dropped, and from then on the steps lie twice as far apart (on a logarithmic scale).

As a file, tensors: ``steps`` (N,) int64, ``losses`` (N,) float64, and ``weights.0`` … (P,), the parameters of each,
laid out as in ``config.parameter_shapes()``. The metadata hold ``format``, ``version`` and, as JSON in ``contents``,
the model, the vocabulary and the name of the text. Nothing in it is executed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import checked
from ..data import Vocabulary
from ..engine.config import ModelConfig
from ..errors import ArgumentError, CheckpointError
from ..nn.language_model import LanguageModel
from ..tensors import TensorFile, open_tensors, write_tensors

FORMAT = "lstm-lab timeline"
VERSION = 1
#: How many there are at most, and their bytes together. Even, because every other one is dropped.
MOST, BYTES = 40, 1 << 26
#: Fewer would be no timeline: of a larger network nothing is kept.
FEWEST = 6
#: A kept step is at least this many times the one before.
FACTOR = 1.25


@dataclass(frozen=True)
class Frame:
    """A network after ``step`` steps."""

    step: int
    #: Smoothed training loss in mean nats per symbol; NaN before the first step.
    loss: float
    #: (P,) in the network's dtype, read-only.
    parameters: np.ndarray


@dataclass(frozen=True)
class Written:
    """What the network of one frame makes of a prompt."""

    #: (N,) int32, what it draws after the prompt.
    symbols: np.ndarray
    #: (V,) float64: what it expects right after the prompt, at temperature 1.
    probabilities: np.ndarray


@checked
class Timeline:
    """The frames of one run. One thread adds; any thread may look."""

    def __init__(
        self,
        config: ModelConfig,
        vocabulary: Vocabulary,
        text: str,
        frames: Sequence[Frame] = (),
        *,
        byte_limit: int = BYTES,
    ) -> None:
        """``text`` is the name of what is learned. ``byte_limit`` is for all frames together."""
        self.config = config
        self.vocabulary = vocabulary
        self.text = text
        size = config.num_parameters * np.dtype(config.dtype).itemsize
        room = min(MOST, byte_limit // size)
        self._room = room - room % 2 if room >= FEWEST else 0
        self._factor = FACTOR
        self._frames = tuple(frames)
        #: The first step after which another frame is due.
        self.next_step = self._after(self._frames[-1].step) if self._frames else 0

    @property
    def frames(self) -> tuple[Frame, ...]:
        """In the order of their steps."""
        return self._frames

    @property
    def keeps(self) -> bool:
        """Whether frames are kept: not of a network so large that only a few would fit."""
        return self._room > 0

    def due(self, step: int) -> bool:
        """Whether to ``add`` a frame after ``step`` steps."""
        return self._room > 0 and step >= self.next_step

    def add(self, step: int, loss: float, parameters: np.ndarray) -> None:
        """Keep a copy of ``parameters`` (P,); ``loss`` is in mean nats per symbol. Where memory is short, nothing more
        is kept."""
        try:
            kept = parameters.copy()
        except MemoryError:
            self._room = 0
            return
        kept.flags.writeable = False
        frames = (*self._frames, Frame(step, loss, kept))
        if len(frames) > self._room:
            frames, self._factor = frames[::2], self._factor**2
        self._frames = frames
        self.next_step = self._after(step)

    def _after(self, step: int) -> int:
        return max(step + 1, math.ceil(step * self._factor))

    def model(self, *, backend: str | None = None) -> LanguageModel:
        """A network of this form, for ``write``."""
        return LanguageModel(self.config, backend=backend)

    def write(
        self, model: LanguageModel, frame: Frame, prompt: str, length: int, *, temperature: float = 0.8, seed: int = 1
    ) -> Written:
        """What the network of ``frame`` writes after ``prompt``; the same seed draws with the same random numbers.

        ``model`` gets the frame's weights. Raises ArgumentError for an empty prompt, DataError for one that the network
        cannot read.
        """
        symbols = self.vocabulary.encode(prompt)
        if not len(symbols):
            raise ArgumentError("prompt: got nothing, expected at least one character")
        model.load(frame.parameters)
        expected = model.probabilities(symbols)[-1]
        drawn = model.sample(symbols, length, temperature=temperature, seed=seed)
        return Written(drawn, expected)


@checked
def save_timeline(timeline: Timeline, path: str) -> None:
    """Writes ``path`` whole or not at all. Raises ``CheckpointError``."""
    frames = timeline.frames
    if not frames:
        raise CheckpointError(f"{path}: not written, because the timeline is empty")
    config = timeline.config
    contents = {
        "model": {**vars(config), "force": dict(config.force)},
        "vocabulary": timeline.vocabulary.symbols,
        "text": timeline.text,
    }
    tensors = {
        "steps": np.array([frame.step for frame in frames], dtype=np.int64),
        "losses": np.array([frame.loss for frame in frames], dtype=np.float64),
        **{f"weights.{number}": frame.parameters for number, frame in enumerate(frames)},
    }
    write_tensors(path, tensors, contents, format=FORMAT, version=VERSION)


@checked
def load_timeline(path: str) -> Timeline:
    """Reads and checks a timeline. Raises ``CheckpointError``."""
    with open_tensors(path, "timeline") as file:
        return _timeline(file, file.contents(format=FORMAT, version=VERSION, what="timeline"))


def _timeline(file: TensorFile, contents: Mapping[str, Any]) -> Timeline:
    """Raises KeyError, TypeError, ValueError where something is missing or does not fit."""
    if contents.keys() != {"model", "vocabulary", "text"} or not isinstance(contents["text"], str):
        raise ArgumentError("its description is not that of a timeline")
    config = ModelConfig(**contents["model"])
    vocabulary = Vocabulary.restored(contents["vocabulary"])
    if not config.input_size == config.output_size == len(vocabulary):
        raise ArgumentError(f"{config.input_size} inputs and {config.output_size} outputs")
    count = len(file.header) - 2
    if not 1 <= count <= MOST:
        raise ArgumentError(f"{count} frames, expected 1 to {MOST}")
    if config.num_layers > math.prod(file.header["weights.0"][1]):  # before anything is counted for each of them
        raise ArgumentError(f"{config.num_layers} layers in too few weights")
    weights = {f"weights.{number}": (config.dtype, (config.num_parameters,)) for number in range(count)}
    file.check_all({"steps": ("int64", (count,)), "losses": ("float64", (count,)), **weights})
    steps, losses = file.read("steps"), file.read("losses", finite=False)
    if steps[0] < 0 or not (np.diff(steps) > 0).all():
        raise ArgumentError("its steps do not grow")
    frames = [
        Frame(step, loss, file.read(name))
        for step, loss, name in zip(steps.tolist(), losses.tolist(), weights, strict=True)
    ]
    return Timeline(config, vocabulary, contents["text"], frames)
