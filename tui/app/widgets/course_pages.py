"""What stands on the pages of the Learn screen, as lines: text, result, questions, solution, and what to press next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.style import Style
from rich.text import Text

from lstm_lab.exercises.catalogue import Exercise
from lstm_lab.exercises.course import Checked, Standing, hints
from lstm_lab.exercises.grading.report import RungResult
from lstm_lab.exercises.progress import Record
from lstm_lab.exercises.questions.model import Question, questions_of
from lstm_lab.exercises.workspace import Workspace

from ...text.learn import (
    RUNGS,
    STANDINGS,
    cut,
    finding_lines,
    history,
    prediction_lines,
    printed_lines,
    rung_lines,
    short_path,
    spent,
    unguessed,
    waiting_line,
    wrapped,
)
from ...text.markdown import text_lines
from ...text.visible import visible
from .page import MEASURE

_INDENT = " " * 4
_WORDS: dict[Standing, str] = {
    "passed": "passed",
    "started": "started",
    "open": "not started yet",
    "later": "something comes first",
}


@dataclass(frozen=True)
class Known:
    """What is known of the course and of the exercise that is open, as read from files at one moment."""

    workspace: Workspace
    standings: Mapping[str, Standing]
    records: Mapping[str, Record]
    exercise: Exercise | None = None
    #: The learner's file of this exercise, and whether it is as it was at the beginning
    file: Path | None = None
    untouched: bool = False
    #: What the answer sheet says
    given: Mapping[str, str] = field(default_factory=dict)

    def record(self, exercise: Exercise) -> Record:
        """What happened with an exercise."""
        return self.records.get(exercise.id, Record())

    def number(self, exercise: Exercise) -> int:
        """Its place in the course, from 1."""
        return list(self.standings).index(exercise.id) + 1


def press(key: str, what: str, command: str) -> Text:
    """A key and what it does, which can be clicked as well."""
    line = Text.assemble((key, "bold yellow"), " ", visible(what))
    line.stylize(Style.from_meta({"@click": f"app.command('{command}')"}))
    return line


def self_assessed(exercise: Exercise) -> bool:
    """Whether a part of it is judged by the learner."""
    return exercise.kind == "questions" and any(question.kind == "essay" for question in questions_of(exercise))


def exercise_page(exercise: Exercise, width: int) -> Iterator[Text]:
    """The exercise's text; its title stands above the page."""
    text = exercise.text.partition("\n")[2] if exercise.text.startswith("# ") else exercise.text
    yield from text_lines(text.strip(), min(width, MEASURE), styled=True)
    yield Text()
    for source in exercise.sources:
        yield from wrapped(source, min(width, MEASURE), style="dim")


def card(exercise: Exercise, known: Known, width: int, *, brief: bool) -> Iterator[Text]:
    """An exercise on the map."""
    width = min(width, MEASURE)
    if not brief:
        yield from wrapped(exercise.title, width, style="bold")
        yield Text()
    yield from wrapped(exercise.summary, width)
    if not brief:
        yield Text()
    kind = "code" if exercise.kind == "code" else "questions"
    if self_assessed(exercise):
        kind += ", in part self-assessed"
    yield from wrapped(f"{kind}, {exercise.difficulty}, about {exercise.minutes} minutes", width, style="dim")
    if exercise.requires:
        line = Text("builds on", "dim")
        for other in exercise.requires:
            mark, style = STANDINGS[known.standings.get(other, "later")]
            line.append(f"  {mark.strip() or '·'} {other}", style or "dim")
        yield line
    record = known.record(exercise)
    if record.started:
        yield from wrapped(history(record), width, style="dim")
        if not brief:
            yield from prediction_lines(exercise, record.predictions, width)
    if brief:
        return
    yield Text()
    yield press("enter", "open", "learn.open")
    first = exercise.text.partition("\n## ")[2].partition("\n")[2].partition("\n## ")[0]
    yield from [Text(), *text_lines(first.strip(), width, styled=True)]


def headline(exercise: Exercise, known: Known) -> tuple[str, str, str]:
    """The first two lines of an open exercise: its title, how far it is, and what one needs to know."""
    standing = known.standings[exercise.id]
    mark = STANDINGS[standing][0]
    state = f"{mark} {_WORDS[standing]}".strip()
    facts = [exercise.difficulty, f"about {exercise.minutes} minutes"]
    facts.append(short_path(known.file) if known.file else "no file yet")
    return f"{known.number(exercise)}. {exercise.title}", state, ", ".join(facts)


def result_page(
    exercise: Exercise, known: Known, checked: Checked | None, tried: Sequence[str] | None, trace: str, width: int
) -> Iterator[Text]:
    """What the check found; ``tried``: the rungs so far of a check that is under way; ``trace``: a failed grader's."""
    width = min(width, MEASURE)
    if known.file is None:
        yield from _no_file(exercise, known, width)
    elif tried is not None:
        before = [rung.name for rung in checked.report.rungs] if checked else []
        yield from _climbing(tried, before, width)
    elif checked is None:
        yield from _unchecked(known, known.file, width)
    else:
        yield from _found(exercise, known, checked, trace, width)


def _no_file(exercise: Exercise, known: Known, width: int) -> Iterator[Text]:
    folder = short_path(known.workspace.folder)
    if known.record(exercise).started:
        yield from wrapped(f"There is no file for this exercise in {folder} any more.", width, style="bold")
        yield Text()
        how = f"If you moved it, move it back; under another name it is found by its line `{_marker(exercise)}`."
        yield from wrapped(how, width)
    else:
        yield from wrapped("Not started yet.", width, style="bold")
        yield Text()
        yield from wrapped(f"Your file will be {folder}/{exercise.file}. Edit it with any editor you like.", width)
    yield Text()
    yield press("s", "start: put the file there", "learn.start")
    yield press("e", "start, and open it in your editor", "learn.edit")


def _marker(exercise: Exercise) -> str:
    return f"# lstm-lab exercise: {exercise.id}"


def _climbing(tried: Sequence[str], before: Sequence[str], width: int) -> Iterator[Text]:
    rungs = [RungResult(name, "passed") for name in tried[:-1]] + [RungResult(name, "open") for name in tried[-1:]]
    rungs += [RungResult(name, "blocked") for name in before if name not in tried]
    if rungs:
        yield from rung_lines(rungs, width)
        yield Text()
    yield from wrapped(f"Checking {tried[-1]} …" if tried else "Checking …", width, style="dim")


def _unchecked(known: Known, file: Path, width: int) -> Iterator[Text]:
    yield from wrapped(f"Your file is {short_path(file)}", width, style="bold")
    yield Text()
    state = "It is as it was at the beginning" if known.untouched else "It has not been checked yet"
    yield from wrapped(f"{state}. Whenever you save it, wherever you edit it, it is checked.", width)
    yield Text()
    yield press("e", "open it in your editor", "learn.edit")
    yield press("c", "check it now", "learn.check")


def _found(exercise: Exercise, known: Known, checked: Checked, trace: str, width: int) -> Iterator[Text]:
    report = checked.report
    if report.passed:
        yield from _passed(known, checked, width)
        yield Text()
    if not report.grader_failed:
        yield from rung_lines(report.rungs, width)
    if report.broken and report.broken.finding:
        name = "" if report.grader_failed else report.broken.name
        if not report.grader_failed:
            yield Text()
        yield from finding_lines(name, report.broken.finding, width)
        yield from _trace(trace, width)
    if report.measured:
        yield from [Text(), *prediction_lines(exercise, checked.revealed, width)]
        if waiting := unguessed(checked):
            yield from wrapped(f"{waiting_line(waiting)}.", width)
            yield press("v", "show what was measured, without a guess", "learn.reveal")
    if report.printed.strip():
        yield from [Text(), *printed_lines(report.printed, width)]
    if report.broken and not report.grader_failed:
        yield from seen_hints(exercise, known, report.broken.name, width)
        yield from _help(exercise, known, report.broken.name)
    if report.confinement and "Landlock" not in report.confinement:
        yield Text()
        what = "This kernel has no Landlock, so your file could read and write whatever you can. In force: "
        yield from wrapped(f"{what}{report.confinement}.", width, style="dim")


def _trace(trace: str, width: int) -> Iterator[Text]:
    if trace:
        yield from wrapped(f"The grader's traceback is in {trace}", width, style="dim")


def _passed(known: Known, checked: Checked, width: int) -> Iterator[Text]:
    exercise, record = checked.exercise, known.record(checked.exercise)
    tries = len(record.attempts)
    yield from wrapped(
        f"Passed. {tries} {'try' if tries == 1 else 'tries'}, {spent(record.seconds)}.", width, style="bold green"
    )
    for other in checked.opened:
        yield from wrapped(f"Now open: {known.number(other)}. {other.title}", width)
    yield Text()
    yield press("o", "our solution, now open", "learn.solution")
    if exercise.lab:
        yield press("l", "the same thing in the lab", "learn.lab")
    yield press("n", "the next exercise", "learn.next")


def seen_hints(exercise: Exercise, known: Known, rung: str, width: int) -> Iterator[Text]:
    """The hints for a rung, as far as the learner has seen them."""
    levels = hints(exercise, rung)
    for level in range(min(known.record(exercise).hints.get(rung, 0), len(levels))):
        yield Text()
        yield Text(f"Hint {level + 1} of {len(levels)}", "bold yellow")
        yield from wrapped(levels[level].strip(), width)


def _help(exercise: Exercise, known: Known, rung: str) -> Iterator[Text]:
    levels, seen = len(hints(exercise, rung)), known.record(exercise).hints.get(rung, 0)
    if levels:
        yield Text()
    if seen < levels:
        yield press("h", f"hint {seen + 1} of {levels}", "learn.hint")
    elif levels:
        yield press("o", "a solution", "learn.solution")


def question_blocks(
    exercise: Exercise, known: Known, checked: Checked | None, trace: str, chosen: int, width: int
) -> list[list[Text]]:
    """What there is to say about the sheet as a whole, and then a block for each question; the chosen one in full."""
    width = min(width, MEASURE)
    rungs = {rung.name: rung for rung in checked.report.rungs} if checked and known.file else {}
    questions = questions_of(exercise)
    blocks = [list(_sheet(exercise, known, checked, trace, width))]
    for index, question in enumerate(questions):
        rung = rungs.get(question.name, RungResult(question.name, "open"))
        blocks.append(list(_question(exercise, known, question, index, rung, index == chosen, width)))
        if index == chosen and checked and known.file and question.name in checked.revealed:
            revealed = {question.name: checked.revealed[question.name]}
            for line in prediction_lines(exercise, revealed, width - len(_INDENT)):
                blocks[-1].append(Text.assemble(_INDENT, line))
    return blocks


def _sheet(exercise: Exercise, known: Known, checked: Checked | None, trace: str, width: int) -> Iterator[Text]:
    names = {question.name for question in questions_of(exercise)}
    if known.file is None:
        if known.record(exercise).started:
            yield from wrapped("Your sheet is gone; an answer begins a new one.", width, style="dim")
        else:
            where = f"{short_path(known.workspace.folder)}/{exercise.file}"
            yield from wrapped(f"Your answers will be in {where}.", width, style="dim")
        yield Text()
    elif checked and checked.report.passed:
        yield from _passed(known, checked, width)
        yield Text()
    elif checked and (broken := checked.report.broken) and broken.name not in names and broken.finding:
        yield from finding_lines("", broken.finding, width)
        yield from _trace(trace, width)
        yield Text()


def _question(
    exercise: Exercise, known: Known, question: Question, index: int, rung: RungResult, chosen: bool, width: int
) -> Iterator[Text]:
    mark, style = RUNGS[rung.status]
    answer = known.given.get(question.name, "")
    head = Text.assemble(f"{'>' if chosen else ' '} ", (mark, style), f" {index + 1}. {visible(question.name)}")
    if chosen:
        head.stylize_before("bold")
    elif answer:
        head.append(f"  {cut(' '.join(answer.split()), max(1, width - head.cell_len - 2))}", "dim")
    head.stylize(Style.from_meta({"@click": f"screen.question({index})"}))
    yield head
    if not chosen:
        return
    room = width - len(_INDENT)
    yield from wrapped(question.prompt.strip(), width, _INDENT)
    for letter, option in question.options.items():
        picked = "bold" if question.kind != "order" and letter in answer.lower() else ""
        for number, line in enumerate(wrapped(option, room - 3)):
            yield Text(_INDENT + (f"{letter}) " if number == 0 else "   ") + line.plain, picked)
    if answer:
        yield Text()
        yield from wrapped(f"Your answer: {answer}{f' {question.unit}' if question.unit else ''}", width, _INDENT)
    finding = rung.finding
    if finding and finding.code != "open":
        for text in (finding.message, f"got {finding.got}" if finding.got else "", finding.cause, finding.next):
            yield from wrapped(text, width, _INDENT, style if text == finding.message else "")
    for line in seen_hints(exercise, known, question.name, room):
        yield Text.assemble(_INDENT, line) if line.plain else line
    if rung.status not in ("passed", "self-assessed"):
        yield Text()
        what = "judge your text" if finding and finding.code == "points" else "answer"
        yield Text.assemble(_INDENT, press("enter", what, "learn.answer"))
        levels, seen = len(question.hints), known.record(exercise).hints.get(question.name, 0)
        if seen < levels:
            yield Text.assemble(_INDENT, press("h", f"hint {seen + 1} of {levels}", "learn.hint"))
    yield Text()
