"""Texts, their split and their lanes, and what n-gram counting makes of them; words, batches and padding."""

from .builtin import BUILTIN, DEFAULT_TEXT, TEXT_CHOICES
from .lanes import Lanes, Split, split
from .padding import pad
from .text import Text, TextIdentity, Vocabulary, load_text
from .words import WordVocabulary

__all__ = [
    "BUILTIN",
    "DEFAULT_TEXT",
    "TEXT_CHOICES",
    "Lanes",
    "Split",
    "Text",
    "TextIdentity",
    "Vocabulary",
    "WordVocabulary",
    "load_text",
    "pad",
    "split",
]
