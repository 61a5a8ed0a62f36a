"""Checking again when a file is saved: files that changed, and a check that a later save cancels."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from .catalogue import Exercise
from .check import Cancelled, Check
from .course import Checked, Course, digest
from .grading.report import Report

#: Seconds between two looks at the files
INTERVAL = 0.2


class SavedFiles:
    """Notices saved files by reading them again and again: file events do not cross NFS, WSL and container mounts.

    A file counts as saved when its content is new and was the same in two calls of :meth:`poll`, so that a
    half-written one is waited for. Whether the editor writes into the file or replaces it does not matter.
    """

    def __init__(self, files: Callable[[], Iterable[Path]]) -> None:
        """What is in the ``files`` now is not news; they are asked for again at every look."""
        self._files = files
        self._known = {path: digest(path) for path in files()}
        self._arriving: dict[Path, str] = {}

    def poll(self) -> list[Path]:
        """The files that were saved since the last call."""
        saved = []
        for path in self._files():
            content = digest(path)
            if not content or content == self._known.get(path):
                self._arriving.pop(path, None)
            elif content == self._arriving.get(path):
                self._known[path] = self._arriving.pop(path)
                saved.append(path)
            else:
                self._arriving[path] = content
        return saved


class BackgroundCheck:
    """A check in a thread of its own, which can be cancelled."""

    def __init__(
        self,
        course: Course,
        exercise: Exercise,
        file: Path,
        *,
        progress: Callable[[str], None] = lambda rung: None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        """Begins at once. ``progress`` and ``ended`` are called in the check's thread."""
        self.exercise, self.file = exercise, file
        self._content = digest(file)
        self._check = Check(exercise, file, progress=progress)
        self._course, self._ended = course, ended
        self._done = threading.Event()
        self._cancelled = False
        self._report: Report | None = None
        self._thread = threading.Thread(target=self._run, name=f"check {exercise.id}", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most that long. Returns whether it has come."""
        return self._done.wait(seconds)

    def result(self, *, reveal: bool = False) -> Checked | None:
        """What came out, which is kept with this call; None: not at its end yet, or cancelled.

        ``reveal`` shows measured numbers also without a guess.
        """
        if self._report is None or self._cancelled:
            return None
        return self._course.keep(self.exercise, self.file, self._content, self._report, reveal=reveal)

    def cancel(self) -> None:
        """End the check and the learner's program in it, at once; nothing is kept."""
        self._cancelled = True
        self._check.cancel()

    def _run(self) -> None:
        try:
            with contextlib.suppress(Cancelled):
                self._report = self._check.run()
        finally:
            self._done.set()
            self._ended()
