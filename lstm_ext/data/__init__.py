"""Texts, their split and their lanes, and what n-gram counting makes of them."""

from .builtin import BUILTIN
from .lanes import Lanes, Split, split
from .text import Text, Vocabulary, load_text

__all__ = ["BUILTIN", "Lanes", "Split", "Text", "Vocabulary", "load_text", "split"]
