"""The course in writing: filled paragraphs, times, paths, what a passed check leads to."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from reports import failing, passing

from lstm_lab.exercises.catalogue import exercises
from lstm_lab.exercises.course import Checked
from lstm_lab.exercises.grading.report import Finding, Report, RungResult
from lstm_lab.exercises.progress import Attempt, Measured, Record
from lstm_lab.text.learn import check_lines, short_path, spent
from lstm_lab.text.markdown import text_lines

MARKDOWN = """\
## Task

One `h` and
**one** C.
1. A step that is longer
   than a line.
- x

```
c  =  f * c    # as it is, whatever its width
```
| a | b |
"""


def plain(lines: object) -> list[str]:
    return [line.plain for line in lines]  # type: ignore[attr-defined]


def test_paragraphs_and_lists_are_filled_and_code_stays() -> None:
    assert plain(text_lines(MARKDOWN, 16)) == [
        "## Task",
        "",
        "One `h` and",
        "**one** C.",
        "1. A step that",
        "   is longer",
        "   than a line.",
        "- x",
        "",
        "c  =  f * c    # as it is, whatever its width",
        "| a | b |",
    ]


def test_styles_take_the_place_of_signs() -> None:
    lines = list(text_lines(MARKDOWN, 40, styled=True))
    assert plain(lines[:4]) == ["Task", "", "One h and one C.", "1. A step that is longer than a line."]
    assert [(span.start, span.end, span.style) for span in lines[2].spans] == [(4, 5, "cyan"), (10, 13, "bold")]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "under a minute"),
        (29, "under a minute"),
        (60, "about 1 minute"),
        (59 * 60, "about 59 minutes"),
        (3599, "about 1 h 00"),
        (100 * 60, "about 1 h 40"),
        (25 * 3600, "about 25 h 00"),
    ],
)
def test_working_time(seconds: float, text: str) -> None:
    assert spent(seconds) == text


def test_paths_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    assert short_path(tmp_path / "a" / "b.py") == "./a/b.py"
    assert short_path(tmp_path.parent / "b.py") == "~/b.py"
    assert short_path(Path("/b.py")) == "/b.py"


def checked(report: Report, **fields: object) -> list[str]:
    exercise = dataclasses.replace(exercises()["clip_gradients"], lab="lstm-lab train")
    result = Checked(exercise, Path("mine.py"), report, {})
    record = Record(attempts=(Attempt("", True),), hints={"values": 2}, seconds=120)
    return plain(check_lines(dataclasses.replace(result, **fields), record, 80))  # type: ignore[arg-type]


def test_after_passing_nothing_begins_by_itself_but_what_opened_is_said() -> None:
    other = exercises()["unrolling"]
    lines = checked(passing("clip_gradients"), first_pass=True, opened=(other,))
    assert lines[lines.index("Passed. 1 try, about 2 minutes.") + 2 :] == [
        "lstm-lab learn solution clip_gradients   our solution, now open",
        "lstm-lab train   the same thing in the lab",
        f"lstm-lab learn start unrolling   {other.title}",
    ]
    assert checked(passing("clip_gradients"))[-1] == "lstm-lab learn   what comes next"


def test_guesses_stand_beside_what_was_measured() -> None:
    report = passing("clip_gradients", measured={"a": 0.3125, "b": 7.0, "c": 1.0})
    lines = checked(report, revealed={"a": Measured(0.3125, 0.8), "b": Measured(7.0)})
    start = lines.index("a: you guessed 0.8, measured 0.3125")
    assert lines[start + 1] == "b: no guess, measured 7"
    assert lines[start + 2].startswith("Measured: a number waits for your guess. Write guess_c in your file")


def test_the_next_hint_is_the_one_not_seen_yet() -> None:
    assert checked(failing("clip_gradients"))[-1] == "lstm-lab learn hint clip_gradients   hint 3 of 3 for values"
    assert checked(failing("clip_gradients", "shape"))[-1].endswith("hint 1 of 3 for shape")
    assert checked(failing("clip_gradients", "runs"))[-1] == "runs: h is wrong."  # no hints: the finding says it all


def test_of_many_names_the_first_are_shown() -> None:
    names = tuple(f"dW{n} of a second sequence" for n in range(20))
    finding = Finding("x", "dW0 is wrong.", right=("dby",), wrong=names)
    report = Report("clip_gradients", 1, (RungResult("values", "failed", finding),))
    lines = checked(report)
    assert "  right    dby" in lines
    start = next(n for n, line in enumerate(lines) if line.startswith("  wrong "))
    assert " ".join(line.strip() for line in lines[start : start + 2]).endswith("dW3 of a second sequence, and 16 more")


def test_every_part_of_a_finding_is_shown() -> None:
    finding = Finding(
        "x", "dWf is wrong.", "backward(dh)", "1", "2", ("dWi",), ("dWf (0.8)",), "The slope.", "Derive it.", 7, "a = 1"
    )
    report = Report("clip_gradients", 1, (RungResult("values", "failed", finding),), printed="\n".join("abcdefg"))
    text = "\n".join(checked(report))
    assert (
        "values: dWf is wrong.\n"
        "  line 7   a = 1\n"
        "  called   backward(dh)\n"
        "  got      1\n"
        "  wanted   2\n"
        "  right    dWi\n"
        "  wrong    dWf (0.8)\n"
        "\nLikely cause: The slope.\n"
        "\nNext: Derive it.\n"
    ) in text
    assert "Your code printed:\n  a\n  b\n  c\n  d\n  e\n  … and 2 more lines\n" in text


def test_styled_text_has_styles_in_place_of_signs() -> None:
    (line,) = text_lines("A `name`, **strong** and *weak*, but 2*3*4.", 76, styled=True)
    assert line.plain == "A name, strong and weak, but 2*3*4."
    assert [(line.plain[span.start : span.end], span.style) for span in line.spans] == [
        ("name", "cyan"),
        ("strong", "bold"),
        ("weak", "italic"),
    ]


def test_what_is_indented_stays_so() -> None:
    assert [line.plain for line in text_lines("# Title\n\n    a = 1\n      b", 76, styled=True)] == [
        "Title",
        "",
        "    a = 1",
        "      b",
    ]


def test_the_columns_of_a_table_stand_under_each_other() -> None:
    table = "| cell | D̃ |\n|:-----|---|\n| GRU | 3 |\n| LSTM | 4 | 5 |"
    assert [line.plain for line in text_lines(table, 76, styled=True)] == [
        "    cell  D̃",
        "    ────  ─  ─",
        "    GRU   3",
        "    LSTM  4  5",
    ]
    assert [line.plain for line in text_lines(table, 76)] == table.splitlines()
