"""Finding places in the handbook by words, while they are typed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from .topics import LINK, Topic, topics

#: What a word counts: in the title, for the topic's beginning and for its other sections; in a heading; in the text.
_TITLE, _PART, _HEADING, _TEXT = 16, 2, 6, 1
#: Characters around the first word found.
_BEFORE, _AFTER = 24, 100


@dataclass(frozen=True)
class Hit:
    """A section that has all the words: where it is, and a piece of it."""

    topic: Topic
    heading: str
    excerpt: str
    score: int


@dataclass(frozen=True)
class _Place:
    topic: Topic
    heading: str
    text: str


@lru_cache
def _places() -> tuple[_Place, ...]:
    return tuple(
        _Place(topic, section.heading, plain(section.markdown))
        for topic in topics().values()
        for section in topic.sections()
    )


def plain(markdown: str) -> str:
    """A text in one line, without the signs of Markdown."""
    text = re.sub(r"^```$|^(?:#+|-|\d\.) |^\|[-:| ]+\|$", "", LINK.sub(r"\1", markdown), flags=re.MULTILINE)
    text = re.sub(r"`|\*\*|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)", "", text)
    return " ".join(text.replace("|", " ").split())


def search(words: str) -> list[Hit]:
    """The sections in which every word begins some word, the best first; none for no words."""
    patterns = [re.compile(rf"(?<!\w){re.escape(word)}", re.IGNORECASE) for word in words.split()]
    if not patterns:
        return []
    hits = [hit for place in _places() if (hit := _hit(place, patterns))]
    return sorted(hits, key=lambda hit: -hit.score)


def _hit(place: _Place, patterns: list[re.Pattern[str]]) -> Hit | None:
    score, first = 0, len(place.text)
    for pattern in patterns:
        in_text = pattern.findall(place.text)
        points = (
            bool(pattern.search(place.topic.title)) * (_PART if place.heading else _TITLE)
            + _HEADING * bool(pattern.search(place.heading))
            + _TEXT * min(3, len(in_text))
        )
        # A title alone does not make a place of each of its sections.
        if not (in_text or pattern.search(place.heading) or (points and not place.heading)):
            return None
        score += points
        found = pattern.search(place.text)
        first = min(first, found.start()) if found else first
    begin = max(0, first - _BEFORE) if first < len(place.text) else 0
    if begin:
        begin = place.text.find(" ", begin) + 1
    excerpt = place.text[begin : begin + _AFTER]
    return Hit(place.topic, place.heading, ("… " if begin else "") + excerpt, score)
