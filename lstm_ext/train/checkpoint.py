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

Version 2 is the only one that is read; it knows the text by its SHA-256, version 1 knew a CRC-32.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data import TextIdentity, Vocabulary
from ..engine.config import ModelConfig, OptimizerConfig
from ..errors import ArgumentError, CheckpointError
from ..files import write_atomically
from ..nn.language_model import LanguageModel
from .config import TrainerConfig
from .history import History
from .schedule import Plan
from .state import RunState

FORMAT = "lstm-lab"
VERSION = 2
_HISTORY = "training.history."


@dataclass(frozen=True)
class Checkpoint:
    """A model and its training run, at the boundary between two steps: what does not change, and the ``state``."""

    config: ModelConfig
    vocabulary: Vocabulary
    trainer_config: TrainerConfig
    #: What was learned.
    text: TextIdentity
    state: RunState

    def model(self, *, last: bool = False, backend: str | None = None, threads: int = 1) -> LanguageModel:
        """A language model with the weights to use, or those after the last step."""
        model = LanguageModel(self.config, backend=backend, threads=threads)
        model.load(self.state.parameters if last else self.state.kept_weights)
        return model


#: The fields of a state and of a text that are JSON as they are.
_STATE: Mapping[str, type] = {"step": int, "epoch": int, "epoch_step": int, "lr": float, "seconds": float}
_TEXT: Mapping[str, type] = {"name": str, "encoding": str, "length": int, "sha256": str}


def save_checkpoint(checkpoint: Checkpoint, path: str) -> None:
    """Writes ``path`` whole or not at all: a failure, a crash or a power cut leave what was there before.

    Raises ``CheckpointError``.
    """
    from safetensors.numpy import save

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
        older = version.isdecimal() and int(version) < VERSION
        hint = "train it anew, or use the older lstm-lab that wrote it" if older else "a newer one may read it"
        raise CheckpointError(f"{path}: has format version {version}, this lstm-lab reads version {VERSION}; {hint}")
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
    plain, text = _plain(contents, _STATE), TextIdentity(**_plain(contents["text"], _TEXT))
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
    state = RunState(
        parameters=tensors["training.parameters"],
        moments=tensors["training.moments"],
        carried=tensors["training.state"],
        plan=Plan(**contents["plan"]),
        history=history,
        average=tensors.get("training.average"),
        best=kept if contents["kept"] == "best" else None,
        **plain,
    )
    return Checkpoint(config, vocabulary, trainer_config, text, state)


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
            named[f"rnn.weight_hh_l{layer}"] = array[: config.hidden_size].T
            named[f"rnn.weight_ih_l{layer}"] = array[config.hidden_size :].T
        else:
            named[f"rnn.{'bias' if short == 'b' else short}_l{layer}"] = array
    return named
