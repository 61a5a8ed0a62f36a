"""Foreign text on a terminal: characters that would control it, or hide in it, are written out.

Names of files, what checkpoints and texts hold, arguments, and what a network writes may contain escape
sequences, which a terminal obeys, and characters that turn the direction of writing around or take no room,
so that a name looks like another one. (Unicode Technical Report 36, 2.10.)
"""

from __future__ import annotations

import unicodedata

#: Control characters (C0, DEL, C1); format characters, among them bidirectional controls, zero-width
#: characters and the byte-order mark; lone surrogates; line and paragraph separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def hidden(character: str) -> bool:
    """Whether a terminal would not show ``character`` but obey it, or show nothing."""
    return unicodedata.category(character) in _HIDDEN


def visible(text: str, *, keep: str = "") -> str:
    """``text`` with escapes, such as ``\\x1b`` and ``\\u202e``, for all hidden characters but those in ``keep``."""
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode() if hidden(character) and character not in keep else character
        for character in text
    )
