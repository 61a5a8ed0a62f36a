"""Why a learner's file cannot be followed, in one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..grading.ladder import crash_finding
from ..grading.recording import Crash
from ..grading.student import crash_of
from .recorder import TooMuch


class Unusable(Exception):
    """Why the file cannot be followed (further): one line, and the line of the file if it has one."""

    def __init__(self, message: str, line: int = 0, *, unwritten: bool = False) -> None:
        super().__init__(message)
        self.line, self.unwritten = line, unwritten


def explained(crash: Crash, when: str = "") -> Unusable:
    """A crash as the learner reads it."""
    place = f"line {crash.line}: " if crash.line else ""
    return Unusable(f"{place}{when}{crash_finding(crash).message}", crash.line, unwritten=crash.kind == "unwritten")


@contextlib.contextmanager
def followed(path: str, when: str = "") -> Iterator[None]:
    """Turns whatever foreign code raises into one line."""
    try:
        yield
    except Unusable:
        raise
    except TooMuch:
        raise Unusable(
            "it computes too many numbers to be followed; take a shorter text or a smaller network"
        ) from None
    except BaseException as error:
        raise explained(crash_of(error, path), when) from None
