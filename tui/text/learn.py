"""The course in writing: its map, an exercise's heading, and what a check found, as lines with styles."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from lstm_lab.exercises.catalogue import Chapter, Exercise
from lstm_lab.exercises.course import Checked, Hint, Standing, unit_of
from lstm_lab.exercises.course import hints as hints_for
from lstm_lab.exercises.grading.report import Finding, RungResult, Status
from lstm_lab.exercises.progress import Measured, Record

from .visible import visible

STANDINGS: dict[Standing, tuple[str, str]] = {
    "passed": ("✓", "green"),
    "started": (">", "yellow"),
    "open": (" ", ""),
    "later": ("·", "dim"),
}
RUNGS: dict[Status, tuple[str, str]] = {
    "passed": ("✓", "green"),
    "self-assessed": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "open": ("·", "yellow"),
    "blocked": ("·", "dim"),
}
_ITEM = re.compile(r"\s*(?:[-*]|\d+\.) +")
_MARKED = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
#: Lines of what the learner's code printed that are shown
_PRINTED = 5
_LABEL = 8


def course_lines(
    chapters: Iterable[Chapter], standings: Mapping[str, Standing], records: Mapping[str, Record], width: int
) -> Iterator[Text]:
    """The course: a line for each exercise."""
    passed = sum(standing == "passed" for standing in standings.values())
    yield Text(f"The course: {passed} of {len(standings)} passed", "bold")
    number = 0
    longest = max(len(identifier) for identifier in standings)
    for chapter in chapters:
        yield Text()
        yield Text(visible(chapter.title), "bold")
        for exercise in chapter.exercises:
            number += 1
            mark, style = STANDINGS[standings[exercise.id]]
            tries = len(records[exercise.id].attempts) if exercise.id in records else 0
            right = f"{tries} tr{'y' if tries == 1 else 'ies'}" if tries else f"{exercise.minutes} min"
            left = f"{mark} {number:>2}  {exercise.id:<{longest}}  "
            line = Text(left, style)
            room = width - cell_len(left) - len(right) - 1
            if room >= 12:
                line.append(_cut(exercise.title, room), style)
                line.append(" " * (width - line.cell_len - len(right)) + right, "dim")
            yield line
    yield Text()
    yield from _wrapped("✓ passed, > started, · builds on something not yet passed", width, style="dim")


def heading(exercise: Exercise, number: int, width: int) -> Iterator[Text]:
    """An exercise's title, and what one needs to know before one begins."""
    yield from _wrapped(f"{number}. {exercise.title}", width, style="bold")
    facts = [f"{exercise.id}", exercise.difficulty, f"about {exercise.minutes} minutes", exercise.file]
    yield from _wrapped(", ".join(facts), width, style="dim")
    if exercise.requires:
        yield from _wrapped(f"builds on {', '.join(exercise.requires)}", width, style="dim")


def text_lines(markdown: str, width: int, *, styled: bool = False) -> Iterator[Text]:
    """Markdown as text: paragraphs and lists are filled anew, everything else stays as it was written.

    With ``styled``, styles take the place of the signs for code and emphasis.
    """
    paragraph: list[str] = []
    code = False
    for line in markdown.splitlines():
        item = _ITEM.match(line)
        fence = line.lstrip().startswith("```")
        written = code or fence or not line.strip() or line.startswith(("#", "|", "    "))
        if paragraph and (written or item):
            yield from _filled(paragraph, width, styled)
            paragraph = []
        if fence:
            code = not code
        elif code:
            yield Text(visible(line), "cyan")
        elif written:
            yield Text(visible(line.lstrip("# ") if styled else line), "bold" if line.startswith("#") else "")
        else:
            paragraph.append(line)
    if paragraph:
        yield from _filled(paragraph, width, styled)


def _filled(paragraph: Sequence[str], width: int, styled: bool) -> Iterator[Text]:
    first, *others = paragraph
    item = _ITEM.match(first)
    mark = item[0] if item else ""
    text = Text(visible(" ".join([first[len(mark) :].strip(), *(line.strip() for line in others)])))
    if styled:
        parts = _MARKED.split(text.plain)  # text, code, bold, text, code, bold, text …
        text = Text()
        for index, part in enumerate(parts):
            text.append(part or "", ("", "cyan", "bold")[index % 3])
    room = max(10, width - len(mark))
    for index, line in enumerate(text.wrap(Console(width=room), room)):
        line.rstrip()
        yield Text.assemble(" " * len(mark) if index else mark, line)


def plain_lines(text: str, width: int) -> Iterator[Text]:
    """A text whose lines are kept, apart from long ones."""
    for line in text.splitlines():
        yield from _wrapped(line, width) if line.strip() else [Text()]


def check_lines(checked: Checked, record: Record, width: int) -> Iterator[Text]:
    """What a check found, and what to do next."""
    exercise, report = checked.exercise, checked.report
    yield from _wrapped(exercise.title, width, style="bold")
    yield from _wrapped(f"{exercise.id}, {short_path(checked.file)}", width, style="dim")
    yield Text()
    yield from rung_lines(report.rungs, width)
    questions = exercise.kind == "questions"
    if questions:
        for rung in report.rungs:
            if rung.status in ("passed", "self-assessed") and rung.finding:
                yield from _question(rung, width)
    if report.printed.strip():
        yield Text()
        yield from _printed(report.printed, width)
    if report.measured:
        yield Text()
        yield from _predictions(exercise, report.measured, checked.revealed, width)
    if report.grader_failed:
        yield Text()
        if report.broken and report.broken.finding:
            yield from finding_lines("", report.broken.finding, width)
        return
    if questions:
        waiting = [rung for rung in report.rungs if _waits(rung)]
        for rung in report.rungs:
            if rung.status not in ("passed", "self-assessed") and rung not in waiting:
                yield from _question(rung, width)
        if waiting:
            yield Text()
            first = waiting[0]
            what = f"{_count(len(waiting), 'question', 'questions')} to be answered; the next is {first.name}"
            yield from _wrapped(f"{what}, line {first.finding.line if first.finding else 0}.", width)
    elif report.broken and report.broken.finding:
        yield Text()
        yield from finding_lines(report.broken.name, report.broken.finding, width)
    follows = _next_after_passing if report.passed else _next_try
    if lines := list(follows(checked, record, width)):
        yield from [Text(), *lines]


def rung_lines(rungs: Iterable[RungResult], width: int) -> Iterator[Text]:
    """A mark for each rung, side by side."""
    line = Text()
    for rung in rungs:
        mark, style = RUNGS[rung.status]
        piece = Text(f"{mark} {visible(rung.name)}", style)
        if line.cell_len and line.cell_len + 2 + piece.cell_len > width:
            yield line
            line = Text()
        line = Text.assemble(line, "  ", piece) if line.cell_len else piece
    yield line


def finding_lines(rung: str, finding: Finding, width: int) -> Iterator[Text]:
    """Why a rung is broken."""
    yield from _wrapped(f"{rung}: {finding.message}" if rung else finding.message, width, style="bold")
    if finding.line:
        yield from _labelled(f"line {finding.line}", finding.source, width)
    yield from _labelled("called", finding.called, width)
    yield from _labelled("got", finding.got, width, "red")
    yield from _labelled("wanted", finding.wanted, width, "green")
    yield from _labelled("right", ", ".join(finding.right), width)
    yield from _labelled("wrong", ", ".join(finding.wrong), width)
    for label, text in (("Likely cause", finding.cause), ("Next", finding.next)):
        if text:
            yield Text()
            yield from _wrapped(f"{label}: {text}", width)


def hint_lines(exercise: Exercise, hint: Hint, width: int) -> Iterator[Text]:
    """One hint, and how to get the next."""
    yield from _wrapped(f"{exercise.id}, {hint.rung}: hint {hint.level} of {hint.levels}", width, style="bold")
    yield Text()
    yield from _wrapped(hint.text, width)
    yield Text()
    if hint.level < hint.levels:
        yield from _command(f"lstm-lab learn hint {exercise.id}", "tells more", width)
    else:
        yield from _command(f"lstm-lab learn solution {exercise.id} --give-up", "shows a solution", width)


def progress_lines(
    chapters: Iterable[Chapter], standings: Mapping[str, Standing], records: Mapping[str, Record], width: int
) -> Iterator[Text]:
    """What was done: when it passed, tries, hints, time, guesses beside measured numbers."""
    passed = sum(standing == "passed" for standing in standings.values())
    known = [exercise for chapter in chapters for exercise in chapter.exercises if exercise.id in records]
    total = sum(records[exercise.id].seconds for exercise in known)
    yield Text(f"{passed} of {len(standings)} passed, {spent(total)}", "bold")
    for exercise in known:
        record = records[exercise.id]
        mark, style = STANDINGS[standings[exercise.id]]
        facts = [f"passed {record.passed[:10]}"] if record.passed else [f"started {record.started[:10]}"]
        facts.append(_count(len(record.attempts), "try", "tries"))
        if used := sum(record.hints.values()):
            facts.append(_count(used, "hint", "hints"))
        facts.append(spent(record.seconds))
        if record.gave_up:
            facts.append("gave up")
        if not record.passed and record.attempts and record.attempts[-1].rung:
            facts.append(f"now at: {record.attempts[-1].rung}")
        yield Text()
        yield Text(f"{mark} {exercise.id}", style)
        yield from _wrapped(", ".join(facts), width, "    ")
        for name, both in record.predictions.items():
            yield from _wrapped(_both(name, both, unit_of(exercise, name)), width, "    ")
    if known:
        yield Text()
        note = "Time is the time between checks and hints, each pause counted with at most 15 minutes."
        yield from _wrapped(note, width, style="dim")


def spent(seconds: float) -> str:
    """Working time, which is an estimate: under a minute, about 12 minutes, about 1 h 40."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "under a minute"
    return (
        f"about {_count(minutes, 'minute', 'minutes')}"
        if minutes < 60
        else f"about {minutes // 60} h {minutes % 60:02}"
    )


def short_path(path: Path) -> str:
    """The path as one would type it here: relative if it lies below, else with ~ for the home folder."""
    for base, sign in ((Path.cwd(), "."), (Path.home(), "~")):
        if path.is_relative_to(base):
            return f"{sign}/{path.relative_to(base)}"
    return str(path)


def _next_try(checked: Checked, record: Record, width: int) -> Iterator[Text]:
    exercise, broken = checked.exercise, checked.report.broken
    if broken is None:
        return
    levels, seen = len(hints_for(exercise, broken.name)), record.hints.get(broken.name, 0)
    if seen < levels:
        yield from _command(
            f"lstm-lab learn hint {exercise.id}", f"hint {seen + 1} of {levels} for {broken.name}", width
        )
    elif levels:
        yield from _command(f"lstm-lab learn solution {exercise.id} --give-up", "shows a solution", width)


def _next_after_passing(checked: Checked, record: Record, width: int) -> Iterator[Text]:
    exercise = checked.exercise
    done = f"Passed. {_count(len(record.attempts), 'try', 'tries')}, {spent(record.seconds)}."
    yield from _wrapped(done, width, style="bold green")
    yield Text()
    yield from _command(f"lstm-lab learn solution {exercise.id}", "our solution, now open", width)
    if exercise.lab:
        yield from _command(exercise.lab, "the same thing in the lab", width)
    for other in checked.opened:
        yield from _command(f"lstm-lab learn start {other.id}", other.title, width)
    if not checked.opened:
        yield from _command("lstm-lab learn", "what comes next", width)


def _waits(rung: RungResult) -> bool:
    """Whether a question stands in the sheet and has no answer yet."""
    return rung.status == "open" and rung.finding is not None and rung.finding.code == "open" and rung.finding.line > 0


def _question(rung: RungResult, width: int) -> Iterator[Text]:
    mark, style = RUNGS[rung.status]
    finding = rung.finding or Finding("", "")
    where = f" (line {finding.line})" if finding.line and rung.status in ("failed", "open") else ""
    yield Text()
    yield Text(visible(f"{mark} {rung.name}{where}"), style)
    for text in (finding.message, f"got {finding.got}" if finding.got else "", finding.cause, finding.next):
        if text:
            yield from _wrapped(text, width, "    ")


def _predictions(
    exercise: Exercise, measured: Mapping[str, float], revealed: Mapping[str, Measured], width: int
) -> Iterator[Text]:
    for name, both in revealed.items():
        yield from _wrapped(_both(name, both, unit_of(exercise, name)), width)
    if waiting := [f"guess_{name}" for name in measured if name not in revealed]:
        what = "a number waits for your guess" if len(waiting) == 1 else f"{len(waiting)} numbers wait for your guesses"
        text = f"Measured: {what}. Write {', '.join(waiting)} in your file and check again"
        yield from _wrapped(f"{text}; --reveal shows what was measured without a guess.", width)


def _both(name: str, both: Measured, unit: str) -> str:
    after = f" {unit}" if unit else ""
    guess = "no guess" if both.guess is None else f"you guessed {both.guess:.4g}{after}"
    return f"{name}: {guess}, measured {both.measured:.4g}{after}"


def _printed(printed: str, width: int) -> Iterator[Text]:
    lines = printed.strip("\n").splitlines()
    yield Text("Your code printed:", "dim")
    for line in lines[:_PRINTED]:
        yield Text(f"  {_cut(line, width - 2)}", "dim")
    if len(lines) > _PRINTED:
        yield Text(f"  … and {_count(len(lines) - _PRINTED, 'more line', 'more lines')}", "dim")


def _labelled(label: str, text: str, width: int, style: str = "") -> Iterator[Text]:
    if not text:
        return
    indent = " " * (_LABEL + 3)
    for index, line in enumerate(_wrapped(text, width, indent, style)):
        if index == 0:
            line = Text.assemble((f"  {label:<{_LABEL}} ", "dim"), (line.plain[len(indent) :], style))
        yield line


def _command(command: str, what: str, width: int) -> Iterator[Text]:
    """A command to type, and what it does; below each other where the line is short."""
    if len(command) + 3 + len(what) > width:
        yield Text(f"{command}", "cyan")
        yield from _wrapped(what, width, "    ")
    else:
        yield Text.assemble((command, "cyan"), f"   {visible(what)}")


def _wrapped(text: str, width: int, indent: str = "", style: str = "") -> Iterator[Text]:
    for paragraph in text.splitlines():
        pieces = textwrap.wrap(visible(paragraph), max(10, width - len(indent)), break_on_hyphens=False)
        for piece in pieces or [""]:
            yield Text(indent + piece, style)


def _cut(text: str, width: int) -> str:
    text = visible(text, keep="").rstrip()
    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)) + "…"


def _count(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
