"""Recurrent networks on a verified C core: layers, textbook classes, language models and their training.

Names are loaded when they are first used, so that a script pays only for what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .cells.config import LayerConfig
    from .data import BUILTIN, Lanes, Split, Text, Vocabulary, load_text, split
    from .data.ngram import ngram_losses
    from .engine.backend import available_backends, backend_name
    from .engine.config import ModelConfig, OptimizerConfig
    from .errors import (
        ArgumentError,
        CheckpointError,
        DataError,
        LabError,
        MissingError,
        NonFiniteError,
        StateError,
    )
    from .nn.functional import Cache, gru_backward, gru_forward, lstm_backward, lstm_forward, rnn_backward, rnn_forward
    from .nn.language_model import LanguageModel
    from .nn.textbook import GRU, LSTM, RNN
    from .nn.trace import TextTrace, Trace
    from .train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
    from .train.config import TrainerConfig
    from .train.evaluation import Evaluation, evaluate
    from .train.run_config import RunConfig
    from .train.snapshot import Snapshot
    from .train.state import RunState
    from .train.trainer import Trainer

_NAMES = {
    "cells.config": ("LayerConfig",),
    "data": ("BUILTIN", "Lanes", "Split", "Text", "Vocabulary", "load_text", "split"),
    "data.ngram": ("ngram_losses",),
    "engine.backend": ("available_backends", "backend_name"),
    "engine.config": ("ModelConfig", "OptimizerConfig"),
    "errors": (
        "ArgumentError",
        "CheckpointError",
        "DataError",
        "LabError",
        "MissingError",
        "NonFiniteError",
        "StateError",
    ),
    "nn.functional": (
        "Cache",
        "gru_backward",
        "gru_forward",
        "lstm_backward",
        "lstm_forward",
        "rnn_backward",
        "rnn_forward",
    ),
    "nn.language_model": ("LanguageModel",),
    "nn.textbook": ("GRU", "LSTM", "RNN"),
    "nn.trace": ("TextTrace", "Trace"),
    "train.checkpoint": ("Checkpoint", "load_checkpoint", "save_checkpoint"),
    "train.config": ("TrainerConfig",),
    "train.evaluation": ("Evaluation", "evaluate"),
    "train.run_config": ("RunConfig",),
    "train.snapshot": ("Snapshot",),
    "train.state": ("RunState",),
    "train.trainer": ("Trainer",),
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}
#: Reached as attributes, too: ``import lstm_ext; lstm_ext.nn.Tagger(...)``.
_SUBMODULES = ("conversion", "explain", "nn", "tasks", "verify", "visualization")

__all__ = [
    "BUILTIN",
    "GRU",
    "LSTM",
    "RNN",
    "ArgumentError",
    "Cache",
    "Checkpoint",
    "CheckpointError",
    "DataError",
    "Evaluation",
    "LabError",
    "Lanes",
    "LanguageModel",
    "LayerConfig",
    "MissingError",
    "ModelConfig",
    "NonFiniteError",
    "OptimizerConfig",
    "RunConfig",
    "RunState",
    "Snapshot",
    "Split",
    "StateError",
    "Text",
    "TextTrace",
    "Trace",
    "Trainer",
    "TrainerConfig",
    "Vocabulary",
    "available_backends",
    "backend_name",
    "evaluate",
    "gru_backward",
    "gru_forward",
    "load_checkpoint",
    "load_text",
    "lstm_backward",
    "lstm_forward",
    "ngram_losses",
    "rnn_backward",
    "rnn_forward",
    "save_checkpoint",
    "split",
]


def __getattr__(name: str) -> object:
    if name in _SUBMODULES:
        return import_module(f".{name}", __name__)
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBMODULES})
