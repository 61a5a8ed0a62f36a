"""Names and texts that drive a terminal, turn its writing around, hide, or read as markup."""

from __future__ import annotations

from lstm_lab.text.visible import hidden

#: Sets a window's title, clears the screen (C1), rings, turns around, hides, breaks lines, closes markup.
HOSTILE = "a\x1b]0;owned\x07\x9b2J\u202etxt\u200b\ufeff\u2066\x7f\r\nx"
#: Closes what no one opened: an error in Textual's and in rich's markup.
MARKUP = "[.x][@click=app.quit]y[/]"


def hidden_in(text: str, *, keep: str = "\n") -> set[str]:
    """The characters of ``text`` that should not reach a terminal."""
    return {character for character in text if hidden(character) and character not in keep}


def control_sequences(output: bytes) -> list[bytes]:
    """What of ``HOSTILE`` a terminal was sent as it is."""
    parts = (b"\x1b]0;", "\x9b".encode(), "\u202e".encode(), "\u200b".encode(), "\ufeff".encode(), "\u2066".encode())
    return [part for part in (*parts, b"\x07", b"\x7f") if part in output]
