"""Recurrent networks on a verified C core: layers, textbook classes, language models and their training."""

from __future__ import annotations

__version__ = "0.1.0"
