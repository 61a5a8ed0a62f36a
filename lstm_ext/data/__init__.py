"""Texts, their split and their lanes, and what n-gram counting makes of them."""

from .builtin import BUILTIN, DEFAULT_TEXT, TEXT_CHOICES
from .lanes import Lanes, Split, split
from .text import Text, TextIdentity, Vocabulary, load_text

__all__ = [
    "BUILTIN",
    "DEFAULT_TEXT",
    "TEXT_CHOICES",
    "Lanes",
    "Split",
    "Text",
    "TextIdentity",
    "Vocabulary",
    "load_text",
    "split",
]
