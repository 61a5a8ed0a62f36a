"""Checkpoints: everything that an exact resume needs, in one .safetensors file. Nothing in it is ever executed.

Tensors (G row blocks in the order of ``config.BLOCKS``; a GRU's z says how much is new, where
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

The metadata hold ``format``, ``version`` and, as JSON in ``contents``, all the rest.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..data import Vocabulary
from ..engine.config import ModelConfig, OptimizerConfig
from ..errors import ArgumentError, CheckpointError
from ..files import write_atomically
from ..nn.language_model import LanguageModel, named_parameters
from .config import TrainerConfig
from .history import History
from .schedule import Plan

FORMAT = "lstm-lab"
VERSION = 2
_HISTORY = "training.history."


@dataclass(frozen=True)
class Checkpoint:
    """A model and its training run, at the boundary between two steps."""

    config: ModelConfig
    vocabulary: Vocabulary
    #: (P,) after the last step, in the order of ``config.parameter_shapes()``
    parameters: np.ndarray
    trainer_config: TrainerConfig
    #: (2, P)
    moments: np.ndarray
    #: (L, S, B, H)
    state: np.ndarray
    history: History
    #: Optimizer steps done; whole epochs done; steps done of the present one.
    step: int
    epoch: int
    epoch_step: int
    #: The learning rate at that moment, before warm-up and schedule.
    lr: float
    seconds: float
    #: The text it learned: name or path, encoding, length and SHA-256 of its characters.
    text_name: str
    encoding: str
    text_length: int
    text_sha256: str
    #: Where the run was to end.
    plan: Plan = field(default_factory=Plan)
    #: (P,) moving average of the weights, if there is one
    average: np.ndarray | None = None
    #: (P,) weights of the best evaluation, if there was one
    best: np.ndarray | None = None

    @property
    def kept(self) -> str:
        """Which weights are those to use: "best", "average" or "last"."""
        return "best" if self.best is not None else "average" if self.average is not None else "last"

    def model(self, *, last: bool = False, backend: str | None = None, threads: int = 1) -> LanguageModel:
        """A language model with the weights to use, or those after the last step."""
        model = LanguageModel(self.config, backend=backend, threads=threads)
        model.load(self.parameters if last else _kept(self))
        return model


def _kept(checkpoint: Checkpoint) -> np.ndarray:
    """(P,) the weights to use."""
    for weights in (checkpoint.best, checkpoint.average):
        if weights is not None:
            return weights
    return checkpoint.parameters


#: The fields that are JSON as they are.
_PLAIN: Mapping[str, type] = {
    "step": int,
    "epoch": int,
    "epoch_step": int,
    "lr": float,
    "seconds": float,
    "text_name": str,
    "encoding": str,
    "text_length": int,
    "text_sha256": str,
}


def save_checkpoint(checkpoint: Checkpoint, path: str) -> None:
    """Writes ``path`` whole or not at all: a failure, a crash or a power cut leave what was there before.

    Raises ``CheckpointError``.
    """
    from safetensors.numpy import save

    if not np.isfinite(checkpoint.parameters).all():
        raise CheckpointError(f"{path}: not written, because the weights hold NaN or infinity")
    tensors = {
        **_named(checkpoint.config, _kept(checkpoint)),
        "training.parameters": checkpoint.parameters,
        "training.moments": checkpoint.moments,
        "training.state": checkpoint.state,
        **{_HISTORY + name: array for name, array in checkpoint.history.arrays().items()},
    }
    if checkpoint.average is not None:
        tensors["training.average"] = checkpoint.average
    contents = {
        "model": {**vars(checkpoint.config), "force": dict(checkpoint.config.force)},
        "trainer": {
            **vars(checkpoint.trainer_config),
            "optimizer": vars(checkpoint.trainer_config.optimizer),
            "checkpoint": None,  # where the file lies is no property of the run
        },
        "vocabulary": checkpoint.vocabulary.symbols,
        "kept": checkpoint.kept,
        "plan": vars(checkpoint.plan),
        **{name: getattr(checkpoint, name) for name in _PLAIN},
    }
    metadata = {"format": FORMAT, "version": str(VERSION), "contents": json.dumps(contents)}
    data = save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, metadata)
    check_destination(path)
    try:
        write_atomically(path, data)
    except OSError as error:
        reason = "no space left on the disk" if error.errno == errno.ENOSPC else error.strerror
        raise CheckpointError(f"{path}: cannot be written: {reason}") from error


def check_destination(path: str) -> None:
    """Raises ``CheckpointError`` if it is clear beforehand that no checkpoint can be written to ``path``."""
    path = os.path.realpath(path)
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        raise CheckpointError(f"{path}: cannot be written: there is no directory {directory}")
    if os.path.exists(path) and not os.path.isfile(path):
        raise CheckpointError(f"{path}: cannot be written: is a directory or a device")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise CheckpointError(f"{path}: cannot be written: no permission to write in {directory}")


def load_checkpoint(path: str) -> Checkpoint:
    """Reads and checks a checkpoint. Raises ``CheckpointError``."""
    from safetensors import SafetensorError, safe_open

    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "a pipe or a device"
            raise CheckpointError(f"{path}: is {kind}, expected a checkpoint")
        with safe_open(path, framework="numpy") as file:
            contents = _contents(path, file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such checkpoint") from None
    except SafetensorError as error:
        detail = str(error).removeprefix("Error while deserializing header: ")
        raise CheckpointError(f"{path}: is cut short, damaged or no checkpoint at all ({detail})") from None
    except (OSError, ValueError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CheckpointError(f"{path!r}: cannot be read: {reason}") from None
    try:
        return _checkpoint(contents, tensors)
    except KeyError as error:
        raise CheckpointError(f"{path}: is damaged: {error} is missing") from None
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CheckpointError(f"{path}: is damaged: {error}") from None


def _contents(path: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{path}: is a .safetensors file, but no checkpoint of lstm-lab")
    version = metadata.get("version", "")
    if version != str(VERSION):
        raise CheckpointError(
            f"{path}: has format version {version}, this lstm-lab reads version {VERSION}; a newer one may read it"
        )
    try:
        contents = json.loads(metadata["contents"])
    except (KeyError, ValueError, RecursionError):
        contents = None
    if not isinstance(contents, dict):
        raise CheckpointError(f"{path}: is damaged: its description is not JSON")
    return contents


def _checkpoint(contents: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Checkpoint:
    """Raises KeyError, TypeError, ValueError where something is missing or does not fit."""
    layers = contents["model"]["num_layers"]
    if layers > len(tensors):  # before anything is built for each of them
        raise ArgumentError(f"{layers} layers, but {len(tensors)} tensors")
    config = ModelConfig(**contents["model"])
    trainer = contents["trainer"]
    trainer_config = TrainerConfig(**{**trainer, "optimizer": OptimizerConfig(**trainer["optimizer"])})
    vocabulary = Vocabulary(contents["vocabulary"])
    if not config.input_size == config.output_size == len(vocabulary):
        raise ArgumentError(
            f"{config.input_size} inputs and {config.output_size} outputs for {len(vocabulary)} characters"
        )
    plain = {}
    for name, kind in _PLAIN.items():
        plain[name] = contents[name]
        if type(plain[name]) is not kind or (kind is not str and not 0 <= plain[name] < 2**63):
            raise ArgumentError(f"{name} is {plain[name]!r}")

    if tensors["training.moments"].shape != (2, config.num_parameters):  # before so much memory is asked for
        raise ArgumentError(
            f"training.moments is {tensors['training.moments'].shape}, expected (2, {config.num_parameters})"
        )
    kept = np.empty(config.num_parameters, dtype=config.dtype)
    expected = {
        **_named(config, kept),
        "training.parameters": kept,
        "training.moments": np.broadcast_to(kept, (2, config.num_parameters)),
        "training.state": np.broadcast_to(kept[0], config.state_shape(trainer_config.batch_size)),
    }
    if contents["kept"] == "average" or "training.average" in tensors:
        expected["training.average"] = kept
    for name, like in expected.items():
        tensor = tensors[name]
        if tensor.shape != like.shape or tensor.dtype != like.dtype:
            raise ArgumentError(f"{name} is {tensor.dtype} {tensor.shape}, expected {like.dtype} {like.shape}")
        if not np.isfinite(tensor).all():
            raise ArgumentError(f"{name} holds NaN or infinity")
    for name, view in _named(config, kept).items():
        view[...] = tensors[name]
    history = History.from_arrays(
        {name.removeprefix(_HISTORY): array for name, array in tensors.items() if name.startswith(_HISTORY)}
    )
    return Checkpoint(
        config=config,
        vocabulary=vocabulary,
        parameters=tensors["training.parameters"],
        trainer_config=trainer_config,
        moments=tensors["training.moments"],
        state=tensors["training.state"],
        history=history,
        plan=Plan(**contents["plan"]),
        average=tensors.get("training.average"),
        best=kept if contents["kept"] == "best" else None,
        **plain,
    )


def _named(config: ModelConfig, parameters: np.ndarray) -> dict[str, np.ndarray]:
    """Views of the flat parameters (P,) by the names that they have in the file."""
    named = {}
    for name, array in named_parameters(config, parameters).items():
        owner, short = name.rsplit(".", 1)
        layer = owner.removeprefix("layers.")
        if owner == "output":
            named["decoder.weight" if short == "W" else "decoder.bias"] = array
        elif short == "Wt":
            named[f"rnn.weight_hh_l{layer}"] = array[: config.hidden_size].T
            named[f"rnn.weight_ih_l{layer}"] = array[config.hidden_size :].T
        else:
            named[f"rnn.{'bias' if short == 'b' else short}_l{layer}"] = array
    return named
