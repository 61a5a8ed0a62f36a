"""The answer sheet: a Python file of assignments, written from the questions, and read without being run."""

from __future__ import annotations

import ast
import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..catalogue import Exercise
from .model import Question, questions_of

_HOW = {
    "choice": "one letter, in quotes",
    "choices": "every letter that fits, in quotes, one after the other",
    "order": "all letters in the right order, in quotes",
    "number": "a number; 3/4 and 2**10 are fine too",
    "formula": "a formula in quotes, in {variables}",
    "prediction": "your guess, a number: it is measured when you check",
    "essay": 'your own words between """ and """; then look at the points and say True or False for each',
}


@dataclass(frozen=True)
class Given:
    """What stands in the sheet for one question."""

    #: Text for letters, formulas and essays; None: not answered
    text: str | None
    #: Whether it stands there as a text; a number or a formula may also stand as Python
    line: int


def write_sheet(exercise: Exercise) -> str:
    """The empty sheet."""
    title = exercise.title + "." * (exercise.title[-1] not in ".?!")
    parts = [f'"""{title} Replace each ... by your answer. This file is read, never run."""']
    for number, question in enumerate(questions_of(exercise), 1):
        lines = [f"# {number}. {question.name}"]
        for paragraph in question.prompt.strip().splitlines():
            lines += [f"# {line}" for line in textwrap.wrap(paragraph, 96)] or ["#"]
        for letter, option in question.options.items():
            lines += textwrap.wrap(f"{letter}) {option}", 96, initial_indent="#   ", subsequent_indent="#      ")
        how = _HOW[question.kind].format(variables=", ".join(question.variables))
        lines.append(f"# Answer: {how}{f' ({question.unit})' if question.unit else ''}.")
        lines.append(f"{question.name} = ...")
        if question.kind == "essay":
            lines.append(f"{question.name}_points = ...")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def read_sheet(source: str) -> dict[str, Given]:
    """What the sheet says, by name. Raises SyntaxError as Python does."""
    given = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            given[node.targets[0].id] = Given(_text(node.value), node.lineno)
    return given


def with_answer(source: str, name: str, answer: str | Sequence[bool]) -> str:
    """The sheet with another answer to one question, and everything else as it was; essays keep their lines.

    A name that the sheet does not have is added at the end. Raises SyntaxError as Python does.
    """
    code = repr(list(answer)) if not isinstance(answer, str) else _quoted(answer) if answer else "..."
    value: ast.expr | None = None
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            value = node.value if node.targets[0].id == name else value
    if value is None:
        return f"{source}{'' if not source or source.endswith(chr(10)) else chr(10)}{name} = {code}\n"
    content = source.encode()  # Python counts columns in bytes
    lines = [0]
    for line in content.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    assert value.end_lineno is not None and value.end_col_offset is not None
    start, end = (
        lines[line - 1] + column
        for line, column in ((value.lineno, value.col_offset), (value.end_lineno, value.end_col_offset))
    )
    return (content[:start] + code.encode() + content[end:]).decode()


def _quoted(text: str) -> str:
    """``text`` as Python, on as many lines as it has."""
    if "\n" not in text:
        return json.dumps(text, ensure_ascii=False)
    lines = [json.dumps(line, ensure_ascii=False)[1:-1] for line in text.split("\n")]
    return '"""' + "\n".join(lines) + '"""'


def unknown_names(given: Mapping[str, Given], questions: tuple[Question, ...]) -> list[str]:
    """Names in the sheet that no question has: typing mistakes."""
    known = {question.name for question in questions} | {f"{question.name}_points" for question in questions}
    return [name for name in given if name not in known]


def _text(node: ast.expr) -> str | None:
    """An answer as a text, whether it stands in quotes or not."""
    match node:
        case ast.Constant(value=str(value)):
            return value.strip() or None
        case ast.Constant(value=value) if value is ... or value is None:
            return None
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return " ".join(_text(part) or "..." for part in parts) or None
    return ast.unparse(node)
