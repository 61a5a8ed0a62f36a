"""What a learner's file prints: the first part is kept, and far too much of it ends the file."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator

from ..grading.student import TooMuchOutput

#: Characters that are kept, and characters that may be printed in one request
MAX_PRINTED, MAX_WRITTEN = 2000, 1_000_000


class Output(io.StringIO):
    """Standard output and standard error while a request is answered."""

    def __init__(self) -> None:
        super().__init__()
        self._written = 0

    def write(self, text: str) -> int:
        """Keep what still fits. Raises TooMuchOutput."""
        self._written += len(text)
        super().write(text[: max(0, MAX_PRINTED - self.tell())])
        if self._written > MAX_WRITTEN:
            raise TooMuchOutput(f"more than {MAX_WRITTEN} characters")
        return len(text)

    def close(self) -> None:
        """Stay open: the next call prints, too."""


@contextlib.contextmanager
def captured() -> Iterator[Output]:
    """Keeps what is printed, and silences warnings."""
    output = Output()
    with warnings.catch_warnings(), contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        warnings.simplefilter("ignore")
        yield output
