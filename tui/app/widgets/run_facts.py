"""What is known of the run under the cursor."""

from __future__ import annotations

from rich.cells import cell_len
from textual.strip import Strip

from lstm_lab.runs.known import Run

from ...text.runs import facts, title
from .canvas import Canvas, heading, row

_LABEL = 11


class RunFacts(Canvas):
    """Where the file is, what was learned, and what it reached."""

    HELP_TITLE = "Facts"
    HELP = "What the checkpoint's header says: its text, network and training, and the best loss."

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._run: Run | None = None

    def show(self, run: Run | None) -> None:
        """Draw this."""
        self._run = run
        self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """A line or, where one is long, two for each fact."""
        ink, run = self.ink, self._run
        if run is None:
            return [heading(ink, width, "Run")]
        rows = [heading(ink, width, title(run, ascii_only=ink.ascii).lstrip("└`- "))]
        lines = [(label, _wrapped(fact, width - _LABEL)) for label, fact in facts(run).items()]
        spare = max(0, height - 1 - len(lines))
        for label, parts in lines:
            extra = min(len(parts) - 1, spare)
            spare -= extra
            if extra < len(parts) - 1:
                parts = [*parts[:extra], parts[extra] + ("~" if ink.ascii else "…")]
            for index, part in enumerate(parts[: extra + 1]):
                said = "" if index else label
                bad = label == "problem"
                rows.append(row(width, [(said.ljust(_LABEL), ink.muted), (part, ink.warning if bad else ink.text)]))
        return rows[:height]


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` cells, broken at spaces or, in a long path, at a slash."""
    width = max(8, width - 1)
    lines: list[str] = []
    while cell_len(text) > width:
        cut = next(end for end in range(len(text), 0, -1) if cell_len(text[:end]) <= width)
        at = max(text.rfind(" ", 1, cut + 1), text.rfind("/", 1, cut))
        at = at if at > cut // 2 else cut
        lines.append(text[:at].rstrip())
        text = text[at:].lstrip()
    return [*lines, text]
