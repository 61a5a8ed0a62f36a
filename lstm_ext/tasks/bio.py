"""Spans of named entities as tags: B-X begins one of type X, I-X continues it, O is outside.

Scores are those of CoNLL's ``conlleval`` (Tjong Kim Sang and De Meulder 2003): a span counts only
if its beginning, its end and its type are all right, so that the many O earn nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..arguments import checked
from ..errors import ArgumentError

OUTSIDE = "O"


class Span(NamedTuple):
    """Words start … end−1 are one entity."""

    start: int
    end: int
    type: str


class Scores(NamedTuple):
    """Of predicted spans against the true ones; shares, 0 where there is nothing to divide by."""

    precision: float
    recall: float
    f1: float


@checked
def split_tag(tag: str) -> tuple[str, str]:
    """("B" or "I", type), or ("O", ""). Raises ArgumentError for anything else."""
    if tag == OUTSIDE:
        return OUTSIDE, ""
    place, dash, kind = tag.partition("-")
    if place not in ("B", "I") or not dash or not kind:
        raise ArgumentError(f"tag {tag!r}: expected O, B-TYPE or I-TYPE")
    return place, kind


@checked
def first_invalid(tags: Sequence[str]) -> int | None:
    """The index of the first tag that BIO does not allow, an I-X after neither B-X nor I-X; None if all are valid."""
    previous = ""
    for index, tag in enumerate(tags):
        place, kind = split_tag(tag)
        if place == "I" and kind != previous:
            return index
        previous = kind
    return None


@checked
def repaired(tags: Sequence[str]) -> list[str]:
    """``tags`` with B instead of I where an entity begins: how ``conlleval`` reads them.

    Also turns IOB1, the scheme of CoNLL 2003's own files, into BIO: IOB1 writes B only between
    neighbours of one type.
    """
    result, previous = [], ""
    for tag in tags:
        place, kind = split_tag(tag)
        result.append(f"B-{kind}" if place == "I" and kind != previous else tag)
        previous = kind
    return result


@checked
def spans(tags: Sequence[str]) -> set[Span]:
    """The entities that ``tags`` mark; invalid ones are read as ``repaired``."""
    found, start, kind = set(), 0, ""
    for index, tag in enumerate([*repaired(tags), OUTSIDE]):
        place, new = split_tag(tag)
        if place == "I":
            continue
        if kind:
            found.add(Span(start, index, kind))
        start, kind = index, new
    return found


@checked
def span_scores(true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, Scores]:
    """Scores over all sentences, "all" first, then by type in alphabetical order."""
    pairs = [(spans(t), spans(p)) for t, p in zip(true, predicted, strict=True)]
    kinds = sorted({span.type for pair in pairs for side in pair for span in side})
    return {"all": _scores(pairs)} | {
        kind: _scores([({s for s in t if s.type == kind}, {s for s in p if s.type == kind}) for t, p in pairs])
        for kind in kinds
    }


def _scores(pairs: list[tuple[set[Span], set[Span]]]) -> Scores:
    right = sum(len(t & p) for t, p in pairs)
    true, predicted = (sum(len(pair[side]) for pair in pairs) for side in (0, 1))
    return Scores(
        right / predicted if predicted else 0.0,
        right / true if true else 0.0,
        2 * right / (true + predicted) if true + predicted else 0.0,
    )
