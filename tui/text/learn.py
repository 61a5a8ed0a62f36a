"""The course in writing: its map, an exercise's heading, and what a check found, as lines with styles."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.cells import cell_len, set_cell_size
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
                line.append(cut(exercise.title, room), style)
                line.append(" " * (width - line.cell_len - len(right)) + right, "dim")
            yield line
    yield Text()
    yield from wrapped("✓ passed, > started, · builds on something not yet passed", width, style="dim")


def heading(exercise: Exercise, number: int, width: int) -> Iterator[Text]:
    """An exercise's title, and what one needs to know before one begins."""
    yield from wrapped(f"{number}. {exercise.title}", width, style="bold")
    facts = [f"{exercise.id}", exercise.difficulty, f"about {exercise.minutes} minutes", exercise.file]
    yield from wrapped(", ".join(facts), width, style="dim")
    if exercise.requires:
        yield from wrapped(f"builds on {', '.join(exercise.requires)}", width, style="dim")


def plain_lines(text: str, width: int) -> Iterator[Text]:
    """A text whose lines are kept, apart from long ones."""
    for line in text.splitlines():
        yield from wrapped(line, width) if line.strip() else [Text()]


def check_lines(checked: Checked, record: Record, width: int) -> Iterator[Text]:
    """What a check found, and what to do next."""
    exercise, report = checked.exercise, checked.report
    yield from wrapped(exercise.title, width, style="bold")
    yield from wrapped(f"{exercise.id}, {short_path(checked.file)}", width, style="dim")
    yield Text()
    yield from rung_lines(report.rungs, width)
    if exercise.kind == "questions":
        for rung in report.rungs:
            if rung.status in ("passed", "self-assessed") and rung.finding:
                yield from _question(rung, width)
    if report.printed.strip():
        yield from [Text(), *printed_lines(report.printed, width)]
    if report.measured:
        yield from [Text(), *prediction_lines(exercise, checked.revealed, width)]
        yield from _waiting_predictions(checked, width)
    if report.grader_failed:
        yield Text()
        if report.broken and report.broken.finding:
            yield from finding_lines("", report.broken.finding, width)
        return
    if exercise.kind == "questions":
        waiting = [rung for rung in report.rungs if _waits(rung)]
        for rung in report.rungs:
            if rung.status not in ("passed", "self-assessed") and rung not in waiting:
                yield from _question(rung, width)
        if waiting:
            yield Text()
            first = waiting[0]
            what = f"{count(len(waiting), 'question', 'questions')} to be answered; the next is {first.name}"
            yield from wrapped(f"{what}, line {first.finding.line if first.finding else 0}.", width)
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
    yield from wrapped(f"{rung}: {finding.message}" if rung else finding.message, width, style="bold")
    if finding.line:
        yield from _labelled(f"line {finding.line}", finding.source, width)
    yield from _labelled("called", finding.called, width)
    yield from _labelled("got", finding.got, width, "red")
    yield from _labelled("wanted", finding.wanted, width, "green")
    yield from _labelled("right", _several(finding.right), width)
    yield from _labelled("wrong", _several(finding.wrong), width)
    for label, text in (("Likely cause", finding.cause), ("Next", finding.next)):
        if text:
            yield Text()
            yield from wrapped(f"{label}: {text}", width)


def _several(names: Sequence[str]) -> str:
    """The first names, about as many as two lines of 80 hold, and how many more there are."""
    shown = [name for last, name in enumerate(names, 1) if len(", ".join(names[:last])) <= 120] or list(names[:1])
    more = len(names) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more else "")


def hint_lines(exercise: Exercise, hint: Hint, width: int) -> Iterator[Text]:
    """One hint, and how to get the next."""
    yield from wrapped(f"{exercise.id}, {hint.rung}: hint {hint.level} of {hint.levels}", width, style="bold")
    yield Text()
    yield from wrapped(hint.text, width)
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
        yield Text()
        yield Text(f"{mark} {exercise.id}", style)
        yield from wrapped(history(record), width, "    ")
        for line in prediction_lines(exercise, record.predictions, width - 4):
            yield Text.assemble("    ", line)
    if known:
        yield Text()
        note = "Time is the time between checks and hints, each pause counted with at most 15 minutes."
        yield from wrapped(note, width, style="dim")


def history(record: Record) -> str:
    """What happened with an exercise that was started, in a line."""
    facts = [f"passed {record.passed[:10]}"] if record.passed else [f"started {record.started[:10]}"]
    facts.append(count(len(record.attempts), "try", "tries"))
    if used := sum(record.hints.values()):
        facts.append(count(used, "hint", "hints"))
    facts.append(spent(record.seconds))
    if record.gave_up:
        facts.append("gave up")
    if not record.passed and record.attempts and record.attempts[-1].rung:
        facts.append(f"now at: {record.attempts[-1].rung}")
    return ", ".join(facts)


def spent(seconds: float) -> str:
    """Working time, which is an estimate: under a minute, about 12 minutes, about 1 h 40."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "under a minute"
    return (
        f"about {count(minutes, 'minute', 'minutes')}" if minutes < 60 else f"about {minutes // 60} h {minutes % 60:02}"
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
    done = f"Passed. {count(len(record.attempts), 'try', 'tries')}, {spent(record.seconds)}."
    yield from wrapped(done, width, style="bold green")
    yield Text()
    yield from _command(f"lstm-lab learn solution {exercise.id}", "our solution, now open", width)
    if exercise.lab:
        yield from _command(exercise.lab, "the same thing in the lab", width)
    for other in checked.opened[:3]:
        yield from _command(f"lstm-lab learn start {other.id}", other.title, width)
    if not 0 < len(checked.opened) <= 3:
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
            yield from wrapped(text, width, "    ")


def prediction_lines(exercise: Exercise, revealed: Mapping[str, Measured], width: int) -> Iterator[Text]:
    """Guesses beside what was measured."""
    for name, both in revealed.items():
        after = f" ({unit})" if (unit := unit_of(exercise, name)) else ""
        guess = "no guess" if both.guess is None else f"you guessed {both.guess:.4g}"
        yield from wrapped(f"{name}: {guess}, measured {both.measured:.4g}{after}", width)


def unguessed(checked: Checked) -> list[str]:
    """The names in the learner's file where guesses for what was measured are still to be written."""
    return [f"guess_{name}" for name in checked.report.measured if name not in checked.revealed]


def waiting_line(names: Sequence[str]) -> str:
    """That measured numbers wait for guesses of these ``names``, at least one, and how they are written."""
    what = "a number waits for your guess" if len(names) == 1 else f"{len(names)} numbers wait for your guesses"
    return f"Measured: {what}. Write {', '.join(names)} in your file and check again"


def _waiting_predictions(checked: Checked, width: int) -> Iterator[Text]:
    if waiting := unguessed(checked):
        shows = "--reveal shows what was measured without a guess"
        yield from wrapped(f"{waiting_line(waiting)}; {shows}.", width)


def printed_lines(printed: str, width: int) -> Iterator[Text]:
    """What the learner's code printed, shortened."""
    lines = printed.strip("\n").splitlines()
    yield Text("Your code printed:", "dim")
    for line in lines[:_PRINTED]:
        yield Text(f"  {cut(line, width - 2)}", "dim")
    if len(lines) > _PRINTED:
        yield Text(f"  … and {count(len(lines) - _PRINTED, 'more line', 'more lines')}", "dim")


def _labelled(label: str, text: str, width: int, style: str = "") -> Iterator[Text]:
    if not text:
        return
    indent = " " * (_LABEL + 3)
    for index, line in enumerate(wrapped(text, width, indent, style)):
        if index == 0:
            line = Text.assemble((f"  {label:<{_LABEL}} ", "dim"), (line.plain[len(indent) :], style))
        yield line


def _command(command: str, what: str, width: int) -> Iterator[Text]:
    """A command to type, and what it does; below each other where the line is short."""
    if len(command) + 3 + len(what) > width:
        yield Text(f"{command}", "cyan")
        yield from wrapped(what, width, "    ")
    else:
        yield Text.assemble((command, "cyan"), f"   {visible(what)}")


def wrapped(text: str, width: int, indent: str = "", style: str = "") -> Iterator[Text]:
    """Prose in lines of at most ``width`` cells, its hidden characters written out."""
    for paragraph in text.splitlines():
        pieces = textwrap.wrap(visible(paragraph), max(10, width - len(indent)), break_on_hyphens=False)
        for piece in pieces or [""]:
            yield Text(indent + piece, style)


def cut(text: str, width: int) -> str:
    """One line of at most ``width`` cells, its hidden characters written out."""
    text = visible(text, keep="").rstrip()
    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)) + "…"


def count(number: int, one: str, more: str) -> str:
    """A number and its noun: 1 try, 3 tries."""
    return f"{number} {one if number == 1 else more}"
