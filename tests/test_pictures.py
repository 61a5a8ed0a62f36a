"""The pictures of the documentation: there, whole, and small enough to be loaded with a page."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
SCREENS = ("train", "step", "learn", "gates", "flow", "surgery", "experiments", "experiment", "handbook", "runs")


@pytest.mark.parametrize("name", SCREENS)
def test_every_screen_has_a_picture_of_moderate_size(name: str) -> None:
    path = PICTURES / f"{name}.svg"
    assert path.stat().st_size < 300_000
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "quit" in "".join(root.itertext()), "the bar with the keys is drawn, too"


def test_the_readme_shows_pictures_that_a_command_draws() -> None:
    shown = re.findall(r"\]\((docs/[^)]*\.svg)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(shown) >= 3 and set(shown) <= {f"docs/pictures/{name}.svg" for name in SCREENS}
