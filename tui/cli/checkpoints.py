"""Checkpoints on the command line: their names, checked before any work is done, and the networks in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lstm_ext.data import Vocabulary, load_text, split
from lstm_ext.errors import ArgumentError, CheckpointError
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.nn.saving import FORMAT, load, load_vocabulary
from lstm_ext.tensors import SUFFIX, checkpoint_path, open_tensors
from lstm_ext.train.checkpoint import Checkpoint, load_checkpoint

from ..errors import UsageError

PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib")


def readable(path: str | None) -> str:
    """``path``, with the suffix that training gave it if it has none; not a pickle, which would run code when read."""
    if path is None:
        raise UsageError("--checkpoint: missing; expected the .safetensors file that `lstm-lab train` wrote")
    if Path(path).suffix.lower() in PICKLES:
        raise UsageError(
            f"--checkpoint: {path} is a pickle, and reading one runs whatever code is in it; "
            "expected the .safetensors file that `lstm-lab train` writes"
        )
    return path if Path(path).suffix or Path(path).exists() else path + SUFFIX


def writable(path: str) -> str:
    """``path``, if a checkpoint may have that name; without a suffix it gets one."""
    try:
        return checkpoint_path(readable(path))
    except ArgumentError as error:
        raise UsageError(f"--checkpoint: {str(error).removeprefix('path: ')}") from None


@dataclass(frozen=True)
class Network:
    """A language model from a file, and the characters that its symbols stand for."""

    model: LanguageModel
    vocabulary: Vocabulary
    #: The run that trained it; None for what ``lstm_ext.nn.save`` wrote.
    run: Checkpoint | None = None


def load_network(path: str | None, *, backend: str | None, threads: int | None = None) -> Network:
    """What `lstm-lab train` or ``lstm_ext.nn.save`` wrote. Raises ``CheckpointError``, also for other networks."""
    path, threads = readable(path), threads or 1
    with open_tensors(path) as file:
        is_run = file.metadata.get("format") != FORMAT
    if is_run:
        run = load_checkpoint(path)
        return Network(run.model(backend=backend, threads=threads), run.vocabulary, run)
    model = load(path, backend=backend, threads=threads)
    if not isinstance(model, LanguageModel):
        raise CheckpointError(f"{path}: holds a {type(model).__name__}, expected a language model")
    vocabulary = load_vocabulary(path)
    if not isinstance(vocabulary, Vocabulary):
        raise CheckpointError(f"{path}: its vocabulary is of words, expected one of characters")
    if not model.config.input_size == model.config.output_size == len(vocabulary):
        raise CheckpointError(
            f"{path}: reads {model.config.input_size} symbols and predicts {model.config.output_size}, expected "
            f"those of its vocabulary, {len(vocabulary)}"
        )
    return Network(model, vocabulary)


@dataclass(frozen=True)
class Measured:
    """A text for a network to read."""

    #: What the output calls it.
    name: str
    symbols: np.ndarray
    #: What the n-grams may count: never the measured text.
    learned: np.ndarray
    #: Says that the text is not the one that was learned, if so.
    notice: str = ""


def measured_text(network: Network, data: str | None, encoding: str | None) -> Measured:
    """The text called ``data``; None: what the network's own text kept apart. Raises ``DataError``, ``UsageError``."""
    vocabulary = network.vocabulary
    if data is not None:
        text = load_text(data, encoding or "utf-8", vocabulary)
        return Measured(data, text.symbols, text.symbols[:0])
    if network.run is None:
        raise UsageError("--data: missing; this file does not say what the network learned, expected a text to measure")
    learned = network.run.text
    own = load_text(learned.name, encoding or learned.encoding, vocabulary)
    parts = split(own, network.run.trainer_config.validation)
    if parts.validation is None:
        return Measured(
            f"{own.name} (all of it, which the network learned: none was kept apart)", parts.train, parts.train[:0]
        )
    if notice := learned.meets(own.identity, "measured on"):
        return Measured(f"{own.name}, its last part", parts.validation, parts.train[:0], notice)
    return Measured(f"{own.name}, the part kept apart", parts.validation, parts.train)
