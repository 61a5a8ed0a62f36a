"""Sentences with named entities from files in CoNLL's format.

One word per line, columns separated by spaces or tabs, the word first and the tag last; an empty line ends a
sentence. Lines that start with ``-DOCSTART-`` are skipped.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..arguments import checked
from ..errors import DataError
from . import bio


class Sentence(NamedTuple):
    """Words, and one BIO tag for each."""

    words: tuple[str, ...]
    tags: tuple[str, ...]


@checked
def read_conll(path: str | os.PathLike[str], *, repair: bool = False) -> list[Sentence]:
    """All sentences of a file in UTF-8.

    With ``repair``, an I-X that follows nothing of its type becomes B-X, so that files in the older scheme IOB1
    can be read as well. Raises DataError, which names the line.
    """
    name = os.fspath(path)
    try:
        lines = Path(path).read_bytes().decode("utf-8-sig").splitlines()
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}: byte 0x{error.object[error.start]:02x} at offset {error.start:,} is not UTF-8"
        ) from None
    sentences: list[Sentence] = []
    words: list[str] = []
    tags: list[str] = []
    for number, line in enumerate([*lines, ""], start=1):
        columns = line.split()
        if columns and columns[0] != "-DOCSTART-":
            if len(columns) < 2:
                raise DataError(f"{name}:{number}: got {line.strip()!r} alone, expected a word and its tag")
            try:
                bio.split_tag(columns[-1])
            except ValueError as error:
                raise DataError(f"{name}:{number}: {error}") from None
            words.append(columns[0])
            tags.append(columns[-1])
        elif words:
            sentences.append(_sentence(name, number - len(words), words, tags, repair))
            words, tags = [], []
    if not sentences:
        raise DataError(f"{name}: has no sentences")
    return sentences


@checked
def write_conll(path: str | os.PathLike[str], sentences: Sequence[Sentence]) -> None:
    """Write two columns, word and tag."""
    blocks = ("".join(f"{word} {tag}\n" for word, tag in zip(*sentence, strict=True)) for sentence in sentences)
    Path(path).write_text("\n".join(blocks), encoding="utf-8")


def _sentence(name: str, first_line: int, words: list[str], tags: list[str], repair: bool) -> Sentence:
    if repair:
        return Sentence(tuple(words), tuple(bio.repaired(tags)))
    wrong = bio.first_invalid(tags)
    if wrong is not None:
        before = tags[wrong - 1] if wrong else "the sentence's beginning"
        raise DataError(
            f"{name}:{first_line + wrong}: {tags[wrong]} after {before} is not valid BIO "
            "(if the file is in the older scheme IOB1, read it with repair)"
        )
    return Sentence(tuple(words), tuple(tags))
