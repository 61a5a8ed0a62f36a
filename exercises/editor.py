"""The learner's editor."""

from __future__ import annotations

import os
import shlex
import shutil

from lstm_ext.errors import MissingError


def editor_command() -> list[str]:
    """The program and its options that open a file for editing: $VISUAL, $EDITOR, or one that is installed.

    Raises MissingError.
    """
    for variable in ("VISUAL", "EDITOR"):
        if given := os.environ.get(variable, "").strip():
            try:
                words = shlex.split(given)
            except ValueError:
                words = [given]
            if words and shutil.which(words[0]):
                return words
            raise MissingError(f"{variable}: got {given!r}, which is no program here; expected an editor, such as nano")
    for name in ("sensible-editor", "nano", "vim", "vi", "emacs"):
        if shutil.which(name):
            return [name]
    raise MissingError("no editor was found; set EDITOR to yours, or open the file with it yourself")
