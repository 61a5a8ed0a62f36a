"""Grading a sheet: every question by itself, each wrong answer with the reason why it is wrong."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path

from ..catalogue import Exercise
from ..grading.report import Finding, Report, RungResult
from . import formula as formulas
from .model import Answer, Question, answers_of, measure, questions_of
from .sheet import Given, read_sheet, unknown_names

#: Numbers that a learner may type for a variable-free formula
_NOTHING: tuple[str, ...] = ()


def grade_sheet(exercise: Exercise, source: str, seed: int = 0) -> Report:
    """The report on a sheet's text; its rungs are the questions, and none blocks another. Raises SyntaxError."""
    given = read_sheet(source)
    questions, answers = questions_of(exercise), answers_of(exercise)
    measured: dict[str, float] = {}
    guessed: dict[str, float] = {}
    results = []
    for question in questions:
        answered = given.get(question.name, Given(None, 0))
        if answered.text is None:
            results.append(_unanswered(question, answered, given, questions))
            continue
        if question.kind == "prediction":
            guess = _guess(question, answered.text)
            if guess is not None:
                guessed[question.name] = guess
                measured[question.name] = measure(exercise, question.name)
        result = _grade(question, answers.get(question.name, Answer()), answered.text, given)
        if result.finding:
            result = replace(result, finding=replace(result.finding, line=answered.line))
        results.append(result)
    return Report(exercise.id, seed, tuple(results), measured, guessed)


def _unanswered(
    question: Question, answered: Given, given: dict[str, Given], questions: tuple[Question, ...]
) -> RungResult:
    strangers = unknown_names(given, questions) if answered.line == 0 else []
    message = f"{question.name} is not in the sheet; there is {strangers[0]}." if strangers else "Not answered yet."
    return RungResult(question.name, "open", Finding("open", message, line=answered.line))


def _grade(question: Question, answer: Answer, text: str, given: dict[str, Given]) -> RungResult:
    match question.kind:
        case "choice" | "choices" | "order":
            finding = _letters(question, answer, text)
        case "number":
            finding = _number_finding(answer, text)
        case "formula":
            finding = _formula(question, answer, text)
        case "prediction":
            if _guess(question, text) is None:
                limits = " from 0 to 1" if question.unit == "accuracy" else ""
                finding = Finding("number", f"Write a number{limits}.", got=text[:60])
            else:
                finding = None
        case "essay":
            return _essay(question, answer, text, given)
    if finding:
        return RungResult(question.name, "failed", finding)
    because = answer.because
    if question.kind == "formula":
        mine, right = (formulas.parse(each, question.variables) for each in (text, str(answer.right)))
        how = "proved by algebra" if formulas.proved(mine, right) else "at random points"
        because = f"{because} (Equal to the right formula, {how}.)".strip()
    return RungResult(question.name, "passed", Finding("right", because) if because else None)


def _letters(question: Question, answer: Answer, text: str) -> Finding | None:
    by_text = {option.strip().lower(): letter for letter, option in question.options.items()}
    if text.strip().lower() in by_text:  # the option itself was typed
        letters = by_text[text.strip().lower()]
    else:
        letters = "".join(
            character for character in re.sub(r"\band\b", "", text.lower()) if character not in " ,;.)([]'\""
        )
    strangers = [letter for letter in letters if letter not in question.options]
    if strangers or (question.kind == "choice" and len(letters) != 1):
        return Finding("letter", f"Write {_wanted_letters(question)}, not {text[:40]!r}.")
    right = str(answer.right)
    if question.kind == "order":
        if letters == right:
            return None
        if sorted(letters) != sorted(right):
            return Finding("order", f"Every letter is needed once: {', '.join(question.options)}.")
        place = next(index for index, (a, b) in enumerate(zip(letters, right, strict=True)) if a != b)
        message = (
            answer.wrong.get(letters) or f"The first {place} are right; number {place + 1} is not {letters[place]}."
        )
        return Finding("order", message)
    if set(letters) == set(right):
        return None
    for letter in letters:
        if letter not in right:
            return Finding(f"wrong-{letter}", f"Not {letter}. {answer.wrong.get(letter, '')}".strip())
    fit = "fits" if len(letters) == 1 else "fit"
    return Finding("incomplete", f"{' and '.join(letters)} {fit}; something else fits too.")


def _wanted_letters(question: Question) -> str:
    letters = ", ".join(question.options)
    return {"choice": f"one of {letters}", "choices": f"some of {letters}"}.get(question.kind, f"{letters} in order")


def _number(text: str) -> float | None:
    """The number that a text such as ``3/4`` stands for."""
    try:
        value = formulas.parse(text.replace("_", ""), _NOTHING).at({})
    except formulas.FormulaError:
        return None
    return value.real if math.isfinite(value.real) and value.imag == 0 else None


def _guess(question: Question, text: str) -> float | None:
    """What is kept beside the measured number, for good: 90 is no accuracy."""
    value = _number(text)
    return None if value is not None and question.unit == "accuracy" and not 0 <= value <= 1 else value


def _number_finding(answer: Answer, text: str) -> Finding | None:
    value = _number(text)
    if value is None:
        return Finding("number", "Write a number, such as 1250 or 3/4, without commas or units.", got=text[:60])
    right = _number(str(answer.right))
    assert right is not None
    if _near(value, right, answer.tolerance):
        return None
    for wrong, reason in answer.wrong.items():
        named = _number(wrong)
        if named is not None and _near(value, named, answer.tolerance):
            return Finding(f"wrong-{wrong}", f"{text[:40]} is not right. {reason}")
    if right and value and _near(abs(math.log10(abs(value / right))) % 1, 0, 1e-9):
        return Finding("power-of-ten", "The digits are right, the power of ten is not.")
    if _near(value, -right, answer.tolerance):
        return Finding("sign", "The sign is the other way round.")
    if _is_rounded(text, right):
        return Finding("rounded", f"{text[:40]} is rounded; write at least four digits.")
    return Finding("wrong", f"{text[:40]} is not right: it is too {'large' if value > right else 'small'}.")


def _is_rounded(text: str, right: float) -> bool:
    """Whether ``text`` is the right number, rounded to as many digits as it has."""
    try:
        given = Decimal(text)
        return given != 0 and Decimal(right).quantize(given) == given
    except InvalidOperation:
        return False


def _near(value: float, right: float, tolerance: float) -> bool:
    return abs(value - right) <= max(tolerance * abs(right), 1e-12)


def _formula(question: Question, answer: Answer, text: str) -> Finding | None:
    variables = question.variables
    try:
        mine = formulas.parse(text, variables)
    except formulas.FormulaError as error:
        return Finding("formula", f"{error}.".replace("..", "."), got=text[:80])
    right = formulas.parse(str(answer.right), variables)
    if formulas.same(mine, right, variables):
        return None
    for wrong, reason in answer.wrong.items():
        if formulas.same(mine, formulas.parse(wrong, variables), variables):
            return Finding(f"wrong-{wrong}", f"{text[:80]} is not right. {reason}")
    factor = formulas.constant_factor(mine, right, variables)
    if factor is not None:
        said = (
            "the sign is the other way round" if math.isclose(factor, -1) else f"it is {factor:.4g} times the right one"
        )
        return Finding("factor", f"Nearly: {said}.")
    have, need = (formulas.variables_that_matter(f, variables) for f in (mine, right))
    if missing := sorted(need - have):
        return Finding("missing-variable", f"The right formula also depends on {', '.join(missing)}.")
    if extra := sorted(have - need):
        return Finding("extra-variable", f"The right formula does not depend on {', '.join(extra)}.")
    return Finding("wrong", "The formula uses the right variables, but it is not the right one.")


def _essay(question: Question, answer: Answer, text: str, given: dict[str, Given]) -> RungResult:
    if len(text.split()) < 15:
        finding = Finding("short", "Write a few sentences (15 words or more); then the points to compare with open.")
        return RungResult(question.name, "open", finding)
    judged = (given.get(f"{question.name}_points") or Given(None, 0)).text
    marks = (judged or "").split()
    points = "\n".join(f"{number}. {point}" for number, point in enumerate(answer.points, 1))
    if len(marks) != len(answer.points) or not set(marks) <= {"True", "False"}:
        example = f"[{', '.join(['True'] * len(answer.points))}]"
        message = f"Does your text say this? Answer with {question.name}_points = {example}, True or False for each."
        return RungResult(question.name, "open", Finding("points", message, cause=points))
    return RungResult(question.name, "self-assessed", Finding("self", f"{marks.count('True')} of {len(marks)} points."))


def read_source(file: Path) -> str:
    """The text of a sheet. Raises OSError and UnicodeDecodeError."""
    return file.read_text(encoding="utf-8-sig")
