"""Replay a lesson that `lstm-lab lab --record` recorded, or one that comes with the lab, in a terminal of any size."""

from __future__ import annotations

import argparse

from ...errors import UsageError
from ..candidates import FILES, completes
from ..output import columns, note, show
from ..starting import open_replay


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = "a lesson by its name, or a file that was recorded"
    completes(parser.add_argument("lesson", metavar="NAME|FILE", nargs="?", help=what), FILES)
    parser.add_argument("--list", action="store_true", help="name the lessons that come with the lab")
    parser.add_argument("--plain", action="store_true", help="print captions and what is shown, as plain text")
    parser.add_argument("--cast", metavar="FILE", help="write it as an asciicast instead, for asciinema's player")
    parser.add_argument("--size", metavar="WxH", type=_size, default=(100, 30), help="of the cast (default: 100x30)")
    parser.add_argument("--ascii", dest="ascii_only", action="store_true", help="draw with ASCII characters only")


def run(arguments: argparse.Namespace) -> int:
    from ...lessons.log import load_lesson, shipped

    if arguments.list:
        for name, title in shipped().items():
            show(f"{name:<16}{title}")
        return 0
    if arguments.lesson is None:
        raise UsageError("which lesson? `lstm-lab replay --list` names those that come with the lab")
    lesson = load_lesson(arguments.lesson)
    if arguments.plain:
        from ...text.lesson import lesson_lines

        for line in lesson_lines(lesson, columns()):
            show(line)
        return 0
    if arguments.cast is not None:
        from ...app.cast import write_cast

        write_cast(lesson, arguments.cast, arguments.size, ascii_only=arguments.ascii_only)
        note(f"wrote {arguments.cast}")
        return 0
    return open_replay(lesson, ascii_only=arguments.ascii_only)


def _size(text: str) -> tuple[int, int]:
    """Columns and rows."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and 60 <= int(width) <= 400 and 16 <= int(height) <= 150):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected COLUMNSxROWS, from 60x16 to 400x150")
    return int(width), int(height)
