"""Recurrent networks on a verified C core: layers, textbook classes, language models and their training.

Names are loaded when they are first used, so that a script pays only for what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .backend import available_backends, backend_name
    from .checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
    from .config import LayerConfig, ModelConfig, OptimizerConfig
    from .data import BUILTIN, DataError, Lanes, Split, Text, Vocabulary, load_text, split
    from .errors import NonFiniteError
    from .evaluation import Evaluation, evaluate
    from .language_model import LanguageModel, Trace
    from .layers import Cache, gru_backward, gru_forward, lstm_backward, lstm_forward, rnn_backward, rnn_forward
    from .ngram import ngram_losses
    from .textbook import GRU, LSTM, RNN
    from .trainer import Snapshot, Trainer, TrainerConfig

_NAMES = {
    "backend": ("available_backends", "backend_name"),
    "checkpoint": ("Checkpoint", "CheckpointError", "load_checkpoint", "save_checkpoint"),
    "config": ("LayerConfig", "ModelConfig", "OptimizerConfig"),
    "data": ("BUILTIN", "DataError", "Lanes", "Split", "Text", "Vocabulary", "load_text", "split"),
    "errors": ("NonFiniteError",),
    "evaluation": ("Evaluation", "evaluate"),
    "language_model": ("LanguageModel", "Trace"),
    "layers": (
        "Cache",
        "gru_backward",
        "gru_forward",
        "lstm_backward",
        "lstm_forward",
        "rnn_backward",
        "rnn_forward",
    ),
    "ngram": ("ngram_losses",),
    "textbook": ("GRU", "LSTM", "RNN"),
    "trainer": ("Snapshot", "Trainer", "TrainerConfig"),
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}
#: Reached as attributes, too: ``import lstm_ext; lstm_ext.nn.Tagger(...)``.
_SUBMODULES = ("conversion", "initialization", "nn", "tasks", "verify", "visualization", "walk")

__all__ = [
    "BUILTIN",
    "GRU",
    "LSTM",
    "RNN",
    "Cache",
    "Checkpoint",
    "CheckpointError",
    "DataError",
    "Evaluation",
    "Lanes",
    "LanguageModel",
    "LayerConfig",
    "ModelConfig",
    "NonFiniteError",
    "OptimizerConfig",
    "Snapshot",
    "Split",
    "Text",
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
