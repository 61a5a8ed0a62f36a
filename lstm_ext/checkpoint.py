"""Checkpoints: one .safetensors file with everything an exact resume needs. Nothing in it is ever executed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .config import ModelConfig
from .data import Vocabulary
from .language_model import LanguageModel


class CheckpointError(Exception):
    """A checkpoint that cannot be read or written, and why, in one line."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's contents. ``step``, ``val_loss``, ``text_name`` say how far training was, and on what."""

    path: str
    config: ModelConfig
    vocabulary: Vocabulary
    parameters: np.ndarray
    step: int
    text_name: str
    encoding: str

    def model(self, *, backend: str | None = None, threads: int = 1) -> LanguageModel:
        """A language model with these weights."""
        raise NotImplementedError


def load_checkpoint(path: str) -> Checkpoint:
    """Reads and checks a checkpoint. Raises ``CheckpointError``."""
    raise NotImplementedError
