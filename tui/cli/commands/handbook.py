"""Look something up: gates, cells and their equations, settings, symptoms, a glossary, papers."""

from __future__ import annotations

import argparse
import json

from ...errors import UsageError
from ..candidates import TOPICS, completes
from ..options import add_json
from ..output import columns, console, note, print_lines

#: Places that a search prints.
MOST = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = "the topic, by its id or the beginning of its title (none: list them)"
    completes(parser.add_argument("topic", nargs="?", metavar="TOPIC", help=what), TOPICS)
    parser.add_argument(
        "--search", metavar="WORDS", help="the places that have all of these words, or their beginnings"
    )
    parser.add_argument("--sizes", metavar="V,H,L", help="with `parameters`: characters, units and layers to count for")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from lstm_ext.errors import ArgumentError
    from lstm_lab.handbook.facts import Sizes
    from lstm_lab.handbook.topics import find, topics

    from ...text.handbook import contents_lines, page_lines

    if arguments.search is not None:
        if arguments.topic is not None:
            raise UsageError("--search: it looks in all topics; leave out the topic")
        return _search(arguments.search, as_json=arguments.json)
    if arguments.sizes is not None and arguments.topic is None:
        raise UsageError("--sizes: expected a topic that counts for them: `lstm-lab handbook parameters`")
    if arguments.topic is None:
        if arguments.json:
            print(json.dumps([{"topic": t.id, "title": t.title, "chapter": t.chapter} for t in topics().values()]))
        else:
            print_lines(contents_lines(min(columns(), 80)))
        return 0
    try:
        topic = find(arguments.topic)
        sizes = Sizes() if arguments.sizes is None else Sizes.parse(arguments.sizes)
    except ArgumentError as error:
        raise UsageError(str(error).replace("sizes:", "--sizes:", 1)) from None
    if arguments.json:
        head = {"topic": topic.id, "title": topic.title, "chapter": topic.chapter}
        print(json.dumps({**head, "markdown": topic.markdown(sizes)}))
    else:
        unicode = console().encoding.startswith("utf")
        print_lines(page_lines(topic, min(columns(), 80), sizes, ascii_only=not unicode))
    return 0


def _search(words: str, *, as_json: bool) -> int:
    """Prints what was found; status 1 where nothing was, as grep does."""
    from lstm_lab.handbook.search import search

    from ...text.handbook import hit_lines

    if not words.strip():
        raise UsageError("--search: got nothing, expected at least one word")
    hits = search(words)
    if as_json:
        print(json.dumps([{"topic": h.topic.id, "heading": h.heading, "excerpt": h.excerpt} for h in hits]))
    elif hits:
        print_lines(hit_lines(hits, min(columns(), 80), most=MOST))
    else:
        note(f"the handbook has no place with {words!r}")
    return 0 if hits else 1
