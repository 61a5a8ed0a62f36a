"""Foreign text on a terminal: written out where it would control it or hide."""

from __future__ import annotations

import pytest
from hostile import HOSTILE, hidden_in

from lstm_lab.text.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, größer, 漢字\u3000, a\u0301, 🙂", "plain, größer, 漢字\u3000, a\u0301, 🙂"),
        ("\x00\x1b\x7f\x9b", "\\x00\\x1b\\x7f\\x9b"),
        ("\n\r\t", "\\n\\r\\t"),
        ("\u202e\u2066\u200f\u061c", "\\u202e\\u2066\\u200f\\u061c"),
        ("\u200b\u2060\ufeff\u00ad", "\\u200b\\u2060\\ufeff\\xad"),
        ("\u2028\u2029\x85", "\\u2028\\u2029\\x85"),
        ("\U000e0041", "\\U000e0041"),
        ("caf\udce9", "caf\\udce9"),
        ("no\u00a0break", "no\u00a0break"),
    ],
)
def test_what_a_terminal_obeys_or_hides_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_line_ends_and_tabs_can_be_kept() -> None:
    assert visible("a\tb\nc\x1b", keep="\n\t") == "a\tb\nc\\x1b"


def test_nothing_hidden_is_left() -> None:
    everything = "".join(map(chr, range(0x110000)))
    assert hidden_in(visible(everything), keep="") == set()
    assert hidden_in(visible(HOSTILE), keep="") == set()
