"""Markdown as styled lines: what the course and the handbook are written in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, zip_longest

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.style import Style
from rich.text import Text

from .visible import visible

_ITEM = re.compile(r"\s*(?:[-*]|\d+\.) +")
_MARKED = re.compile(
    r"`(?P<cyan>[^`]+)`|\*\*(?P<bold>[^*]+)\*\*|(?<![\w*])\*(?P<italic>[^\s*][^*]*)\*(?![\w*])"
    r"|\[(?P<label>[^\]]+)\]\((?P<target>[^)]+)\)"
)
#: The style of a line that is a heading.
HEADING = "bold yellow"


def text_lines(markdown: str, width: int, *, styled: bool = False) -> Iterator[Text]:
    """Markdown as text: paragraphs and lists are filled anew, everything else stays as it was written.

    With ``styled``, styles take the place of the signs for code, emphasis and links: ``[label](target)`` becomes its
    label, with the target in the meta data of its style (``target_of``).
    """
    paragraph: list[str] = []
    code = False
    lines = markdown.splitlines()
    for line in _tabulated(lines) if styled else lines:
        item = _ITEM.match(line)
        fence = line.lstrip().startswith("```")
        written = code or fence or not line.strip() or line.startswith(("#", "|", "    "))
        if paragraph and (written or item):
            yield from _filled(paragraph, width, styled)
            paragraph = []
        if fence:
            code = not code
        elif code:
            yield Text(visible(line), "cyan")
        elif written:
            title = line.startswith("#")
            yield Text(
                visible(line.lstrip("# ") if styled and title else line), (HEADING if styled else "bold") * title
            )
        else:
            paragraph.append(line)
    if paragraph:
        yield from _filled(paragraph, width, styled)


def _tabulated(lines: Sequence[str]) -> Iterator[str]:
    """The lines, with the columns of tables under each other."""
    for in_table, group in groupby(lines, key=lambda line: line.startswith("|")):
        if not in_table:
            yield from group
            continue
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in group]
        columns = zip_longest(*(row for row in rows if not _is_rule(row)), fillvalue="")
        widths = [max(map(cell_len, column)) for column in columns]
        right = [cell.endswith(":") for row in rows if _is_rule(row) for cell in row] + [False] * len(widths)
        for row in rows:
            cells = ["─" * width for width in widths] if _is_rule(row) else row
            placed = (
                " " * (width - cell_len(cell)) + cell if at_right else set_cell_size(cell, width)
                for cell, width, at_right in zip(cells, widths, right, strict=False)
            )
            yield "    " + "  ".join(placed).rstrip()


def _is_rule(cells: Sequence[str]) -> bool:
    return all(re.fullmatch(":?-+:?", cell) for cell in cells)


def _filled(paragraph: Sequence[str], width: int, styled: bool) -> Iterator[Text]:
    first, *others = paragraph
    item = _ITEM.match(first)
    mark = item[0] if item else ""
    text = Text(visible(" ".join([first[len(mark) :].strip(), *(line.strip() for line in others)])))
    if styled:
        text = _styled(text.plain)
    room = max(10, width - len(mark))
    for index, line in enumerate(text.wrap(Console(width=room), room)):
        line.rstrip()
        yield Text.assemble(" " * len(mark) if index else mark, line)


def _styled(text: str) -> Text:
    """``text`` with styles in place of signs."""
    styled, end = Text(), 0
    for found in _MARKED.finditer(text):
        styled.append(text[end : found.start()])
        if found["label"]:
            styled.append(found["label"], Style(underline=True, meta={"target": found["target"]}))
        else:
            style = next(name for name in ("cyan", "bold", "italic") if found[name])
            styled.append(found[style], style)
        end = found.end()
    return styled.append(text[end:])


def target_of(style: str | Style) -> str:
    """Where a link leads, from the style of its label; "" if it is none."""
    return "" if isinstance(style, str) else str(style.meta.get("target", ""))
