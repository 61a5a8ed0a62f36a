"""Checkpoints: everything that an exact resume needs, in one .safetensors file. Nothing in it is ever executed.

Tensors (G row blocks in the order of the cell's blocks; a GRU's z says how much is new, where
PyTorch's says how much is kept):

====================================  ==================================================
rnn.weight_ih_l0 …                    (G·H, D)
rnn.weight_hh_l0 …                    (G·H, H)
rnn.bias_l0 …                         (G·H,); GRU with reset_after (G·H + H,)
rnn.peephole_l0 …                     (3, H), if there are peepholes
decoder.weight, decoder.bias          (V, H), (V,)
training.parameters                   (P,), the weights after the last step, laid out as
                                      in ``config.parameter_shapes()``
training.average                      (P,), their moving average, if there is one
training.moments                      (2, P), the optimizer's, laid out like the parameters
training.state                        (L, S, B, H), carried from the last step
training.history.*                    the loss curve, see ``History.arrays``
====================================  ==================================================

The weights that have names are those to use: the best that an evaluation found; without
evaluations the average; without that either, the last. ``kept`` in the metadata says which.

The metadata hold ``format``, ``version``, as JSON in ``contents`` all the rest, and in ``checksums`` a CRC-32 of each.

A file may come from anyone: names, types, dtypes and shapes are judged, in the header, before any array is read.

Version 2 is the only one that is read; it knows the text by its SHA-256, version 1 knew a CRC-32.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import Threads, checked
from ..data import TextIdentity, Vocabulary
from ..engine.config import ModelConfig, OptimizerConfig
from ..errors import ArgumentError, CheckpointError
from ..nn.language_model import LanguageModel
from ..tensors import TensorFile, open_tensors, write_tensors
from .config import TrainerConfig
from .history import History
from .schedule import Plan
from .state import RunState

FORMAT = "lstm-lab"
VERSION = 2
_HISTORY = "training.history."
#: The longest description that is read only to list a file: that of an alphabet of some 100,000 characters.
HEADER_BYTES = 1 << 20


@checked
@dataclass(frozen=True)
class Checkpoint:
    """A model and its training run, at the boundary between two steps: what does not change, and the ``state``."""

    config: ModelConfig
    vocabulary: Vocabulary
    trainer_config: TrainerConfig
    #: What was learned.
    text: TextIdentity
    state: RunState

    def model(self, *, last: bool = False, backend: str | None = None, threads: Threads = 1) -> LanguageModel:
        """A language model with the weights to use, or those after the last step."""
        model = LanguageModel(self.config, backend=backend, threads=threads)
        model.load(self.state.parameters if last else self.state.kept_weights)
        return model


#: The fields of a state and of a text that are JSON as they are.
_STATE: Mapping[str, type] = {"step": int, "epoch": int, "epoch_step": int, "lr": float, "seconds": float}
_TEXT: Mapping[str, type] = {"name": str, "encoding": str, "length": int, "sha256": str}
_CONTENTS = {"model", "trainer", "vocabulary", "text", "kept", "plan", *_STATE}


@checked
def save_checkpoint(checkpoint: Checkpoint, path: str) -> None:
    """Writes ``path`` whole or not at all: a failure, a crash or a power cut leave what was there before.

    Raises ``CheckpointError``.
    """
    config, state = checkpoint.config, checkpoint.state
    if not np.isfinite(state.parameters).all():
        raise CheckpointError(f"{path}: not written, because the weights hold NaN or infinity")
    tensors = {
        **_named(config, state.kept_weights),
        "training.parameters": state.parameters,
        "training.moments": state.moments,
        "training.state": state.carried,
        **{_HISTORY + name: array for name, array in state.history.arrays().items()},
    }
    if state.average is not None:
        tensors["training.average"] = state.average
    contents = {
        "model": {**vars(config), "force": dict(config.force)},
        "trainer": {
            **vars(checkpoint.trainer_config),
            "optimizer": vars(checkpoint.trainer_config.optimizer),
            "checkpoint": None,  # where the file lies is no property of the run
        },
        "vocabulary": checkpoint.vocabulary.symbols,
        "text": {name: getattr(checkpoint.text, name) for name in _TEXT},
        "kept": state.kept,
        "plan": vars(state.plan),
        **{name: getattr(state, name) for name in _STATE},
    }
    write_tensors(path, tensors, contents, format=FORMAT, version=VERSION)


@checked
def load_checkpoint(path: str) -> Checkpoint:
    """Reads and checks a checkpoint. Raises ``CheckpointError``."""
    with open_tensors(path) as file:
        return _checkpoint(file, file.contents(format=FORMAT, version=VERSION, what="checkpoint"))


@checked
@dataclass(frozen=True)
class CheckpointHeader:
    """What a checkpoint says of its run, without the weights."""

    config: ModelConfig
    vocabulary: Vocabulary
    trainer_config: TrainerConfig
    #: What was learned.
    text: TextIdentity
    #: Which weights are those to use: "best", "average" or "last".
    kept: str
    #: Optimizer steps, whole epochs, and steps in the current epoch.
    step: int
    epoch: int
    epoch_step: int
    #: The learning rate, before warm-up and schedule.
    lr: float
    #: Time spent in training, in seconds.
    seconds: float
    #: The losses, in mean nats per symbol.
    history: History


@checked
def load_header(path: str) -> CheckpointHeader:
    """Reads a checkpoint's description and its loss curve, whatever its size. Raises ``CheckpointError``, also for a
    file whose description is longer than that of any run: it may be one of many in a folder."""
    with open_tensors(path, header_bytes=HEADER_BYTES) as file:
        return _header(file, file.contents(format=FORMAT, version=VERSION, what="checkpoint"))


def _header(file: TensorFile, contents: Mapping[str, Any]) -> CheckpointHeader:
    """Raises KeyError, TypeError, ValueError where something is missing or does not fit."""
    if unknown := sorted(contents.keys() - _CONTENTS):
        raise ArgumentError(f"unknown setting {unknown[0]!r}")
    config = ModelConfig(**contents["model"])
    if config.num_layers > len(file.header):  # before anything is built for each of them
        raise ArgumentError(f"{config.num_layers} layers, but {len(file.header)} tensors")
    trainer = contents["trainer"]
    trainer_config = TrainerConfig(**{**trainer, "optimizer": OptimizerConfig(**trainer["optimizer"])})
    if trainer_config.checkpoint is not None:
        raise ArgumentError(f"checkpoint: got {trainer_config.checkpoint!r}, expected None")
    vocabulary = Vocabulary.restored(contents["vocabulary"])
    if not config.input_size == config.output_size == len(vocabulary):
        raise ArgumentError(
            f"{config.input_size} inputs and {config.output_size} outputs for {len(vocabulary)} characters"
        )
    plain, text = _plain(contents, _STATE), TextIdentity(**_plain(contents["text"], _TEXT))
    if not re.fullmatch("[0-9a-f]{64}", text.sha256):
        raise ArgumentError(f"sha256 is {text.sha256!r}")
    dtype, size = config.dtype, config.num_parameters
    file.check({"training.parameters": (dtype, (size,))})  # before memory for as many is asked for
    which = contents["kept"]
    with_average = which == "average" or "training.average" in file.header
    if which not in ("best", "average" if with_average else "last"):
        raise ArgumentError(f"kept is {which!r}")
    curve = {name.removeprefix(_HISTORY): entry for name, entry in file.header.items() if name.startswith(_HISTORY)}
    History.check_header(curve)
    expected = {
        **{name: (dtype, view.shape) for name, view in _named(config, np.empty(size, dtype)).items()},
        "training.parameters": (dtype, (size,)),
        "training.moments": (dtype, (2, size)),
        "training.state": (dtype, config.state_shape(trainer_config.batch_size)),
        **({"training.average": (dtype, (size,))} if with_average else {}),
        **{_HISTORY + name: entry for name, entry in curve.items()},
    }
    file.check_all(expected)
    history = History.from_arrays({name: file.read(_HISTORY + name, finite=False) for name in curve})
    return CheckpointHeader(config, vocabulary, trainer_config, text, which, history=history, **plain)


def _checkpoint(file: TensorFile, contents: Mapping[str, Any]) -> Checkpoint:
    """Raises what ``_header`` raises."""
    header = _header(file, contents)
    kept = np.empty(header.config.num_parameters, header.config.dtype)
    for name, view in _named(header.config, kept).items():
        view[...] = file.read(name)
    state = RunState(
        parameters=file.read("training.parameters"),
        moments=file.read("training.moments"),
        carried=file.read("training.state"),
        plan=Plan(**contents["plan"]),
        history=header.history,
        average=file.read("training.average") if "training.average" in file.header else None,
        best=kept if header.kept == "best" else None,
        **{name: getattr(header, name) for name in _STATE},
    )
    return Checkpoint(header.config, header.vocabulary, header.trainer_config, header.text, state)


def _plain(contents: Mapping[str, Any], kinds: Mapping[str, type[Any]]) -> dict[str, Any]:
    """The entries named in ``kinds``, each of its type and not negative."""
    for name, kind in kinds.items():
        value: Any = contents[name]
        if type(value) is not kind or (not isinstance(value, str) and not 0 <= value < 2**63):
            raise ArgumentError(f"{name} is {value!r}")
    return {name: contents[name] for name in kinds}


def _named(config: ModelConfig, parameters: np.ndarray) -> dict[str, np.ndarray]:
    """Views of the flat parameters (P,) by the names that they have in the file."""
    named = {}
    for name, array in config.parameter_views(parameters).items():
        owner, short = name.rsplit(".", 1)
        layer = owner.removeprefix("layers.")
        if owner == "output":
            named["decoder.weight" if short == "W" else "decoder.bias"] = array
        elif short == "Wt":
            meets_h = config.layer(int(layer)).recurrent_rows
            if meets_h:
                named[f"rnn.weight_hh_l{layer}"] = array[:meets_h].T
            named[f"rnn.weight_ih_l{layer}"] = array[meets_h:].T
        else:
            named[f"rnn.{'bias' if short == 'b' else short}_l{layer}"] = array
    return named
