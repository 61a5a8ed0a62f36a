"""Past runs as a list: a row for each, with what it reached and a sparkline of its loss."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.strip import Strip

from lstm_lab.runs.known import Run

from ...text.curve import sparkline
from ...text.runs import COLUMNS, cells, fit, title
from ...text.units import clock
from ...text.visible import visible
from .canvas import Canvas, Piece, clickable, heading, row

#: What stands above the columns, and the order that a click there asks for.
_SORTS = {"nats": "loss", "bits": "loss", "network": "size", "steps": "steps", "when": "when", "trained": "steps"}
#: Columns that are left out below a width, and those for which there is room from another one on.
_NARROW, _LESS = 70, ("bits", "when")
_WIDE, _MORE = 110, {"parameters": 11, "trained": 8}


@dataclass(frozen=True)
class RunChoice:
    """What the list shows: the runs in their order, and the cursor."""

    runs: Sequence[Run]
    #: How many there are without the filter.
    total: int
    cursor: int
    order: str
    words: str
    #: Paths of those that are laid over the loss curve.
    over: Collection[str]

    @property
    def run(self) -> Run | None:
        """The one under the cursor."""
        return self.runs[self.cursor] if self.runs else None


class RunList(Canvas):
    """Every run that is known; the cursor moves with the arrow keys, the wheel and the mouse."""

    WHEEL = ("screen.move(-1)", "screen.move(1)")

    HELP_TITLE = "The list"
    HELP = (
        "Checkpoints that were written or opened, those in the current folder, and training that was left without "
        "saving. The loss is the best on text kept for validation, in nats and in bits per character; a t behind it "
        "means that it is the training loss, because nothing was kept apart. The small curve is the smoothed loss, "
        "early steps drawn wider. What stood in a file before a new run was begun is below it. A dot marks runs that "
        "are drawn behind the curve in Train."
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.choice: RunChoice | None = None

    def show(self, choice: RunChoice) -> None:
        """Draw this."""
        self.choice = choice
        self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """The heading, the columns' names, and as many runs as fit, the cursor among them."""
        ink, choice = self.ink, self.choice
        if choice is None:
            return [heading(ink, width, "Runs", [(" looking" + ("..." if ink.ascii else "…"), ink.faint)])]
        note = f" {len(choice.runs)}" + (f" of {choice.total}" if choice.words else "")
        words = [("filter ", ink.muted), (visible(choice.words), ink.key)] if choice.words else []
        rows = [heading(ink, width, "Runs", [(f"{note}, by {choice.order}", ink.muted)], words)]
        if not choice.runs:
            return [*rows, row(width, []), *self._nothing(width, choice)][:height]
        name, text, curve = self._widths(width, choice)
        rows.append(self._names(width, name, text, choice.order))
        room = max(1, height - len(rows))
        first = max(0, min(choice.cursor - room // 2, len(choice.runs) - room))
        for index in range(first, min(first + room, len(choice.runs))):
            rows.append(self._row(width, choice, index, name, text, curve))
        return rows[:height]

    def _nothing(self, width: int, choice: RunChoice) -> list[Strip]:
        ink = self.ink
        if choice.total:
            said = [f"No run has “{visible(choice.words)}”.", "/ changes the words, escape shows all."]
        else:
            said = ["No runs yet.", "What you save in Train (w), and what `lstm-lab train` writes, is listed here."]
        return [row(width, [(f"  {line}", ink.muted)]) for line in said]

    def _columns(self, width: int) -> dict[str, int]:
        if width < _NARROW:
            return {name: size for name, size in COLUMNS.items() if name not in _LESS}
        return {**_MORE, **COLUMNS} if width >= _WIDE else dict(COLUMNS)

    def _widths(self, width: int, choice: RunChoice) -> tuple[int, int, int]:
        """Of name, text and curve."""
        columns = self._columns(width)
        rest = width - 2 - sum(columns.values()) - len(columns) - 3
        ascii_only = self.ink.ascii
        texts = max(4, *(cell_len(visible(run.text)) for run in choice.runs))
        names = max(4, *(cell_len(title(run, ascii_only=ascii_only)) for run in choice.runs))
        curve = min(60, max(8, rest - names - texts))
        text = min(texts, max(rest - curve - names, (rest - curve) * 2 // 5))
        return max(4, min(names, rest - curve - text)), text, curve

    def _names(self, width: int, name: int, text: int, order: str) -> Strip:
        ink = self.ink

        def piece(label: str, size: int, sort: str, *, right: bool = False) -> Piece:
            style = ink.key if sort == order else ink.muted
            return fit(label, size, right=right) + " ", clickable(style, f"screen.sort('{sort}')")

        pieces: list[Piece] = [("  ", ink.text), piece("name", name, "name"), piece("text", text, "text")]
        for label, size in self._columns(width).items():
            sort = _SORTS.get(label, "size")
            pieces.append(piece(label, size, sort, right=label != "network"))
        return row(width, [*pieces, (" loss curve", ink.muted)])

    def _row(self, width: int, choice: RunChoice, index: int, name: int, text: int, curve: int) -> Strip:
        ink, run = self.ink, choice.runs[index]
        here = index == choice.cursor
        mark = (">" if ink.ascii else "›") if here else " "
        over = ("*" if ink.ascii else "●") if run.path in choice.over else " "
        base = ink.chosen if here else ink.text
        quiet = ink.chosen if here else ink.muted
        bad = ink.chosen if here else ink.warning

        def cell(content: str, style: object) -> Piece:
            return content, clickable(style, f"screen.go({index})")  # type: ignore[arg-type]

        first = quiet if run.kind == "earlier" else base
        pieces = [cell(mark, ink.key), cell(over, ink.point)]
        pieces.append(cell(fit(title(run, ascii_only=ink.ascii), name, ascii_only=ink.ascii) + " ", first))
        if run.header is None:
            rest = width - name - 3
            said = visible(run.problem)
            return row(width, [*pieces, cell(fit(said, rest, ascii_only=ink.ascii), bad)])
        pieces.append(cell(fit(visible(run.text), text, ascii_only=ink.ascii) + " ", quiet))
        known = {
            **cells(run),
            "parameters": f"{run.header.config.num_parameters:,}",
            "trained": clock(run.header.seconds),
        }
        for label, size in self._columns(width).items():
            style = base if label in ("nats", "bits") else quiet
            pieces.append(cell(fit(known[label], size, right=label != "network") + " ", style))
        if run.writer:
            pieces.append(cell(fit(" training now", curve + 1, ascii_only=ink.ascii), ink.good))
        else:
            pieces.append(cell(" " + sparkline(run.trend(curve), ascii_only=ink.ascii), ink.line))
        return row(width, pieces)
