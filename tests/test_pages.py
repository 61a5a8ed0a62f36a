"""What the pages name exists: links, files and functions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if "://" not in link and not (page.parent / link).exists()]


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_files_and_functions_are_where_the_page_says(page: str) -> None:
    missing = []
    for file, name in named((ROOT / page).read_text(encoding="utf-8")):
        if not (ROOT / file).exists():
            missing.append(file)
        elif name and not re.search(rf"\b{name.rpartition('.')[2]}\b", (ROOT / file).read_text(encoding="utf-8")):
            missing.append(f"{file}: {name}")
    assert not missing


def named(text: str) -> Iterator[tuple[str, str]]:
    """Files that ``text`` names in backticks, and after a colon the functions in them."""
    for file, functions in re.findall(r"`([\w.]+/[\w./]*)`(?::((?:,? `[\w.]+`)+))?", text):
        if "NAME" in file:
            continue  # stands for a new one
        yield file, ""
        for name in re.findall(r"`([\w.]+)`", functions):
            yield file, name
