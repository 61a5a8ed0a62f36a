"""The handbook in writing: its contents, a topic, and what a search found, as lines with styles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.text import Text

from lstm_lab.handbook.facts import Sizes
from lstm_lab.handbook.search import Hit
from lstm_lab.handbook.topics import Topic, command, links, topics

from .ascii import to_ascii
from .formulas import spelled
from .learn import cut, wrapped
from .markdown import text_lines


def contents_lines(width: int) -> Iterator[Text]:
    """The chapters and their topics."""
    for chapter, members in groupby(topics().values(), key=lambda topic: topic.chapter):
        yield Text(chapter, "bold yellow")
        for topic in members:
            yield Text.assemble((f"  {topic.id:<17}", "cyan"), cut(topic.title, width - 19))
    yield Text()
    yield from wrapped(
        "lstm-lab handbook TOPIC shows one; --search WORDS finds places in all of them.", width, "", "dim"
    )


def topic_lines(topic: Topic, width: int, sizes: Sizes | None = None, *, ascii_only: bool = False) -> Iterator[Text]:
    """One topic, its links as they are; with ``ascii_only``, formulas are spelled: σ becomes sigmoid."""
    markdown = topic.markdown(sizes)
    yield from text_lines(_in_ascii(markdown) if ascii_only else markdown, width, styled=True)


def _in_ascii(markdown: str) -> str:
    """The same in ASCII, with the second column of formulas in its place."""
    pieces = spelled(markdown).split("```")
    for index in range(1, len(pieces), 2):
        rows = [re.split(" {3,}", line) for line in pieces[index].split("\n")]
        width = max((len(row[0]) for row in rows if len(row) == 2), default=0)
        pieces[index] = "\n".join("   ".join([row[0].ljust(width), *row[1:]]) if row[1:] else row[0] for row in rows)
    return to_ascii("```".join(pieces))


def page_lines(topic: Topic, width: int, sizes: Sizes | None = None, *, ascii_only: bool = False) -> Iterator[Text]:
    """One topic for reading outside the lab: its title, its text, and the commands that its links stand for."""
    yield Text(topic.title, "bold yellow")
    yield Text()
    yield from topic_lines(topic, width, sizes, ascii_only=ascii_only)
    found = links(topic.template)
    if found and topic.id != "glossary":
        yield Text()
        yield Text("See also", "bold yellow")
        yield Text()
        known = dict.fromkeys(command(target) for _, target in found)
        for line in known:
            yield Text(f"  {line}", "cyan")


def hit_lines(hits: Sequence[Hit], width: int, *, most: int) -> Iterator[Text]:
    """What a search found: at most so many places, and how many more there are."""
    for hit in hits[:most]:
        yield Text.assemble((hit.topic.id, "cyan"), f"  {place(hit)}")
        yield Text(f"  {cut(hit.excerpt, width - 2)}", "dim")
    if len(hits) > most:
        yield Text(f"and {len(hits) - most} more", "dim")


def place(hit: Hit) -> str:
    """Where a hit is: the topic's title and the heading."""
    return f"{hit.topic.title}: {hit.heading}" if hit.heading else hit.topic.title
