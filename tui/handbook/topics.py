"""The handbook's topics, in their order: titles, sections, and links to topics and into the lab."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from lstm_ext.errors import ArgumentError

from ..toml import tomllib
from .facts import Sizes, fill

CONTENT = Path(__file__).parent / "content"
#: ``[label](target)``
LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
_HEADING = re.compile(r"^## +(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """A piece of a topic under a heading; "" is what stands above the first one."""

    heading: str
    markdown: str


@dataclass(frozen=True)
class Topic:
    """One page; ``template`` is its text as it was written."""

    id: str
    title: str
    chapter: str
    template: str

    def markdown(self, sizes: Sizes | None = None) -> str:
        """Its text, with what the library says filled in, for a network of these ``sizes``."""
        return fill(self.template, sizes or Sizes())

    def sections(self) -> Iterator[Section]:
        """Its pieces."""
        above, *pieces = _HEADING.split(self.markdown())
        yield Section("", above.strip())
        for heading, text in zip(pieces[::2], pieces[1::2], strict=True):
            yield Section(heading.strip(), text.strip())


@dataclass(frozen=True)
class Term:
    """An entry of the glossary, and where in the lab it is to be seen."""

    name: str
    text: str
    see: str = ""


@lru_cache
def topics() -> Mapping[str, Topic]:
    """All topics by their ids, in the order of the table of contents."""
    return {
        id: _load(id, chapter["title"]) for chapter in _toml("contents.toml")["chapter"] for id in chapter["topics"]
    }


@lru_cache
def glossary() -> tuple[Term, ...]:
    """The terms in alphabetical order."""
    terms = [Term(**entry) for entry in _toml("glossary.toml")["term"]]
    return tuple(sorted(terms, key=lambda term: term.name.casefold()))


def find(id: str) -> Topic:
    """The topic of that id, or the one whose title begins like that. Raises ArgumentError, with what is near."""
    from difflib import get_close_matches

    known = topics()
    wanted = id.casefold().strip()
    if wanted in known:
        return known[wanted]
    titled = [topic for topic in known.values() if wanted and topic.title.casefold().startswith(wanted)]
    if len(titled) == 1:
        return titled[0]
    close = get_close_matches(wanted, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "`lstm-lab handbook` lists them"
    raise ArgumentError(f"topic: there is no {id!r}; {hint}")


def links(markdown: str) -> list[tuple[str, str]]:
    """The links of a text as (label, target), each target once."""
    found: dict[str, str] = {}
    for label, target in LINK.findall(markdown):
        found.setdefault(target, label)
    return [(label, target) for target, label in found.items()]


def command(target: str) -> str:
    """The command that shows what a link leads to: ``step:gru reset_after``, ``exercise:id``, ``experiment:name``,
    ``screen:gates``, or the id of a topic, with ``#heading`` or not."""
    kind, _, rest = target.partition(":")
    if not rest:
        return f"lstm-lab handbook {target.partition('#')[0]}"
    cell, *options = rest.split()
    switches = "".join(f" --{option.replace('_', '-')}" for option in options)
    return {
        "step": f"lstm-lab step hello --cell {cell}{switches}",
        "screen": f"lstm-lab, the {rest.capitalize()} screen",
        "exercise": f"lstm-lab learn start {rest}",
        "experiment": f"lstm-lab experiment {rest}",
    }[kind]


def _load(id: str, chapter: str) -> Topic:
    if id == "glossary":
        return Topic(id, "Glossary", chapter, _glossary())
    title, _, text = (CONTENT / f"{id}.md").read_text(encoding="utf-8").partition("\n")
    return Topic(id, title.removeprefix("# ").strip(), chapter, text.strip() + "\n")


def _glossary() -> str:
    """The glossary as the text of a topic."""
    entries = [f"## {term.name}\n\n{term.text}" + (f" See {term.see}." if term.see else "") for term in glossary()]
    return "The field's terms, as the lab uses them.\n\n" + "\n\n".join(entries) + "\n"


def _toml(name: str) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((CONTENT / name).read_text(encoding="utf-8"))
    return table
