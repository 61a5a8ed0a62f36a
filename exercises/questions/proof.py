"""Proof that a sheet holds: right answers pass, each wrong one that is named gets its reason, no option lacks one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..catalogue import Exercise
from .grade import grade_sheet
from .model import Answer, Question, answers_of, questions_of
from .sheet import write_sheet


def sheet_complaints(exercise: Exercise) -> Iterator[tuple[str, str]]:
    """What was tried, and what does not hold."""
    questions, answers = questions_of(exercise), answers_of(exercise)
    empty = grade_sheet(exercise, write_sheet(exercise))
    if any(rung.status != "open" for rung in empty.rungs) or len(empty.rungs) != len(questions):
        yield "the empty sheet", "not every question is open"
    right = {question.name: _right(question, answers) for question in questions}
    for rung in grade_sheet(exercise, _sheet(right)).rungs:
        if rung.status not in ("passed", "self-assessed"):
            yield f"the right answer to {rung.name}", f"{rung.status}: {rung.finding and rung.finding.message}"
    if strangers := set(answers) - {question.name for question in questions}:
        yield "answers", f"to questions that are not there: {', '.join(sorted(strangers))}"
    for question in questions:
        if question.kind == "prediction":
            continue
        if question.name not in answers:
            yield f"question {question.name}", "has no answer"
            continue
        yield from _question_complaints(exercise, question, answers[question.name])


def _question_complaints(exercise: Exercise, question: Question, answer: Answer) -> Iterator[tuple[str, str]]:
    if question.kind != "essay" and not answer.because:
        yield f"question {question.name}", "does not say why the right answer is right"
    if question.kind != "essay" and len(question.hints) != 3:
        yield f"question {question.name}", f"has {len(question.hints)} hints, wanted are three"
    if question.kind in ("choice", "choices"):
        for letter in question.options:
            if letter not in str(answer.right) and letter not in answer.wrong:
                yield f"question {question.name}", f"does not say why {letter} is wrong"
    if question.kind in ("number", "formula") and not answer.wrong:
        yield f"question {question.name}", "names no typical wrong answer"
    for wrong, reason in answer.wrong.items():
        results = grade_sheet(exercise, _sheet({question.name: repr(wrong)})).rungs
        finding = next(rung.finding for rung in results if rung.name == question.name)
        if finding is None or reason not in finding.message:
            yield f"the wrong answer {wrong} to {question.name}", f"is told {finding and finding.message!r}"


def _right(question: Question, answers: Mapping[str, Answer]) -> str:
    if question.kind == "prediction":
        return "1"
    if question.kind == "essay":
        points = len(answers[question.name].points) if question.name in answers else 0
        return f"{'word ' * 20!r}\n{question.name}_points = {[True] * points}"
    return repr(str(answers[question.name].right)) if question.name in answers else "..."


def _sheet(answers: Mapping[str, str]) -> str:
    return "\n".join(f"{name} = {text}" for name, text in answers.items())
