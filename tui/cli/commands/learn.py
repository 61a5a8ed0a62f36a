"""The course: exercises that know what you did wrong. Without an action, in the lab; without a terminal, as a list."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_ext.errors import ArgumentError, DataError

from ...errors import UsageError
from ..candidates import EXERCISES, FILES, FOLDERS, completes
from ..options import add_json, whole
from ..output import clear, columns, console, in_colour, note, on_terminal, print_lines, show

if TYPE_CHECKING:
    from lstm_lab.exercises.catalogue import Exercise
    from lstm_lab.exercises.course import Checked, Course
    from lstm_lab.exercises.watching import BackgroundCheck


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action")

    def action(name: str, summary: str, *, which: str = "", many: str = "") -> argparse.ArgumentParser:
        added = actions.add_parser(name, prog=f"lstm-lab learn {name}", help=summary, description=summary)
        if which:
            what = "its number in the course, its id or the beginning of it, or its file's name"
            completes(added.add_argument("exercise", metavar=which, nargs=many or None, help=what), EXERCISES)
        added.set_defaults(act=_ACTIONS[name])
        return added

    def folder(added: argparse.ArgumentParser) -> None:
        what = "where your files are; remembered (default: ./lstm-exercises)"
        # Not given here, it may have been given before the action.
        given = added.add_argument("--folder", metavar="DIR", default=argparse.SUPPRESS, help=what)
        completes(given, FOLDERS)

    folder(parser)
    parser.add_argument("--ascii", dest="ascii_only", action="store_true", help="draw with ASCII characters only")
    action("list", "the course, and how far you are")
    action("show", "print an exercise's text", which="ID")
    start = action("start", "put an exercise into your folder; nothing is overwritten", which="ID", many="?")
    start.add_argument("--edit", action="store_true", help="open it in $EDITOR")
    folder(start)
    check = action("check", "check your file (default: the one saved last)", which="ID|FILE", many="?")
    check.add_argument("--reveal", action="store_true", help="show measured numbers for which you have no guess")
    folder(check)
    add_json(check)
    folder(action("watch", "check again whenever you save (default: all of your files)", which="ID", many="?"))
    folder(action("hint", "a hint for what is broken now; three times, each says more", which="ID", many="?"))
    folder(action("reset", "begin an exercise anew; your file is kept under a number", which="ID"))
    solution = action("solution", "a solution, after you have passed or given up", which="ID")
    solution.add_argument("--give-up", action="store_true", help="open it although you have not passed")
    action("progress", "tries, hints, time, and your guesses beside what was measured")
    export = action("export", "your progress as JSON for a teacher, or as CSV")
    completes(export.add_argument("file", nargs="?", metavar="FILE", help=".json or .csv (default: print it)"), FILES)
    export.add_argument("--verify", action="store_true", help="tell whether FILE is as it was written")
    author = action("author-check", "prove exercises: starters, mutants, ways of being right", which="ID", many="*")
    author.add_argument("--seeds", type=whole(1, 10_000), default=20, metavar="N", help="for solutions (default: 20)")
    author.add_argument("--jobs", type=whole(1, 1024), default=1, metavar="N", help="processes (default: 1)")


def run(arguments: argparse.Namespace) -> int:
    act: Callable[[argparse.Namespace], int] = getattr(arguments, "act", _open)
    try:
        return act(arguments)
    except ArgumentError as error:
        raise UsageError(str(error)) from None


def _course(arguments: argparse.Namespace) -> Course:
    from lstm_lab.exercises.course import Course

    return Course(folder=_folder(arguments))


def _folder(arguments: argparse.Namespace) -> Path | None:
    given = getattr(arguments, "folder", None)
    if given == "":
        raise UsageError("--folder: is empty; expected a folder")
    return Path(given).expanduser() if given else None


def _exercise(arguments: argparse.Namespace) -> Exercise:
    from lstm_lab.exercises.catalogue import find_exercise

    return find_exercise(arguments.exercise)


def _open(arguments: argparse.Namespace) -> int:
    """The lab at its Learn screen; where there is no terminal, the list."""
    if not (sys.stdin.isatty() and on_terminal() and os.environ.get("TERM")):
        return _list(arguments)
    from ...app.session import Opening
    from ..starting import open_lab

    return open_lab(Opening("", "", learn=True, folder=_folder(arguments)), ascii_only=arguments.ascii_only)


def _list(arguments: argparse.Namespace) -> int:
    from lstm_lab.exercises.catalogue import chapters

    from ...text.learn import course_lines

    course = _course(arguments)
    standings = course.standings()
    print_lines(course_lines(chapters(), standings, course.progress.records(), columns()))
    if following := course.next():
        done = "" if standings[following.id] != "started" else ", then `lstm-lab learn check`"
        show("")
        show(f"Next: lstm-lab learn {'show' if done else 'start'} {following.id}{done}")
    _say_notices(course)
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from lstm_lab.exercises.catalogue import exercises

    from ...text.learn import heading
    from ...text.markdown import text_lines

    exercise = _exercise(arguments)
    number = list(exercises()).index(exercise.id) + 1
    print_lines([*heading(exercise, number, columns())])
    show("")
    # The title is there already.
    text = exercise.text.partition("\n")[2].strip() if exercise.text.startswith("# ") else exercise.text.strip()
    print_lines(text_lines(text, min(columns(), 80), styled=in_colour()))
    return 0


def _start(arguments: argparse.Namespace) -> int:
    from ...text.learn import heading, short_path

    course = _course(arguments)
    if arguments.exercise is None:
        following = course.next()
        if following is None:
            show("All exercises are passed. `lstm-lab learn list` shows them.")
            return 0
        exercise = following
    else:
        exercise = _exercise(arguments)
    standings = course.standings()
    number = list(standings).index(exercise.id) + 1
    path, new = course.start(exercise)
    print_lines(heading(exercise, number, columns()))
    show("")
    if missing := [other for other in exercise.requires if standings.get(other) != "passed"]:
        show(f"This builds on {', '.join(missing)}, not passed yet.")
    show(f"{'Your file' if new else 'Already there, and left as it is'}: {short_path(path)}")
    show("")
    show(f"1. read    lstm-lab learn show {exercise.id}")
    show("2. edit    the file, with any editor")
    show(f"3. check   lstm-lab learn check {exercise.id}")
    show("           lstm-lab learn watch   in a second terminal: checks whenever you save")
    _say_notices(course)
    if arguments.edit:
        import subprocess

        from lstm_lab.exercises.editor import editor_command

        return subprocess.run([*editor_command(), str(path)]).returncode
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from ...text.learn import check_lines

    course = _course(arguments)
    exercise, file = _chosen(course, arguments.exercise)
    checked = _checked(course, exercise, file, arguments.reveal)
    if arguments.json:
        print(json.dumps({"file": str(file), **checked.report.to_json()}))
    else:
        print_lines(check_lines(checked, course.progress.record(exercise.id), columns()))
    _say_notices(course)
    if checked.report.grader_failed:
        return _report_grader(checked)
    return 0 if checked.report.passed else 1


def _report_grader(checked: Checked) -> int:
    from ...crash import keep
    from ..main import BUG_STATUS

    if path := keep(checked.report.trace):
        note(f"the grader's traceback is in {path}")
    return BUG_STATUS


def _chosen(course: Course, word: str | None) -> tuple[Exercise, Path]:
    from lstm_lab.exercises.workspace import chosen

    if word is None:
        file, exercise = course.workspace.saved_last()
        return exercise, file
    exercise, found = chosen(word, course.workspace)
    return exercise, found or course.file(exercise)


def _checked(course: Course, exercise: Exercise, file: Path, reveal: bool = False) -> Checked:
    from ..progress import Progress

    with Progress(sys.stderr) as progress:
        progress.show(None, [f"checking {exercise.id}"])
        return course.check(
            exercise,
            file,
            reveal=reveal,
            progress=lambda rung: progress.show(None, [f"checking {exercise.id}: {rung}"]),
        )


def _watch(arguments: argparse.Namespace) -> int:
    from lstm_lab.exercises.watching import INTERVAL, SavedFiles
    from lstm_lab.exercises.workspace import exercise_of

    from ...text.learn import short_path

    course = _course(arguments)
    exercise, file = _chosen(course, arguments.exercise)

    def files() -> Iterable[Path]:
        if arguments.exercise is None:
            return [path for path, _ in course.workspace.files()]
        found = course.workspace.find(exercise)
        return [found or file]

    saved = SavedFiles(files)
    where = short_path(file if arguments.exercise else course.workspace.folder)
    note(f"watching {where}; save to check again, Ctrl-C ends")
    check: _Watched | None = _Watched(course, exercise, file)
    try:
        while True:
            for path in saved.poll():
                if check:
                    check.end()
                check = _Watched(course, exercise if arguments.exercise else exercise_of(path), path)
            if check is None:
                time.sleep(INTERVAL)
            elif check.wait(INTERVAL):
                ended, check = check, None
                ended.hide()
                _show_watched(course, ended.run)
    finally:
        if check:
            check.end()


class _Watched:
    """A check in the background, with a line about how far it is."""

    def __init__(self, course: Course, exercise: Exercise, file: Path) -> None:
        from lstm_lab.exercises.watching import BackgroundCheck

        from ..progress import Progress

        self._rung = ""
        self._progress = Progress(sys.stderr)
        self.run = BackgroundCheck(course, exercise, file, progress=self._tries)

    def wait(self, seconds: float) -> bool:
        if self.run.wait(seconds):
            return True
        self._progress.show(None, [f"checking {self.run.exercise.id}: {self._rung}"])
        return False

    def hide(self) -> None:
        self._progress.stop()

    def end(self) -> None:
        self.hide()
        self.run.cancel()

    def _tries(self, rung: str) -> None:
        self._rung = rung


def _show_watched(course: Course, check: BackgroundCheck) -> None:
    from ...text.learn import check_lines

    checked = check.result()
    if checked is None:
        return
    if on_terminal():
        clear()
    else:
        show("")
    show(time.strftime("%H:%M:%S"))
    print_lines(check_lines(checked, course.progress.record(checked.exercise.id), columns()))
    _say_notices(course)


def _hint(arguments: argparse.Namespace) -> int:
    from lstm_lab.exercises.course import hints

    from ...text.learn import check_lines, hint_lines

    course = _course(arguments)
    exercise, file = _chosen(course, arguments.exercise)
    rung = course.broken_rung(exercise, file)
    if rung is None or not hints(exercise, rung):  # the file is new, or what the check says is all there is to say
        checked = _checked(course, exercise, file)
        rung = checked.report.broken.name if checked.report.broken else ""
        if not hints(exercise, rung):
            print_lines(check_lines(checked, course.progress.record(exercise.id), columns()))
    if hint := course.hint(exercise, rung):
        print_lines(hint_lines(exercise, hint, columns()))
    _say_notices(course)
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    from ...text.learn import short_path

    course = _course(arguments)
    path, kept = course.reset(_exercise(arguments))
    show(f"{short_path(path)} is as it was at the beginning.")
    if kept:
        show(f"What you had is kept as {short_path(kept)}")
    _say_notices(course)
    return 0


def _solution(arguments: argparse.Namespace) -> int:
    from rich.text import Text

    from ...text.learn import plain_lines

    course, exercise = _course(arguments), _exercise(arguments)
    if arguments.give_up and not course.solution_is_open(exercise):
        if sys.stdin.isatty() and sys.stdout.isatty():
            answer = input(f"Give up on {exercise.id}? Your progress will say so. [y/N] ")
            if answer.strip().lower() not in ("y", "yes"):
                show("Not given up. `lstm-lab learn hint` helps.")
                return 1
        course.progress.give_up(exercise.id)
    solution = course.solution(exercise)
    if in_colour() and exercise.kind == "code":
        from rich.syntax import Syntax

        console().print(Syntax(solution, "python", theme="ansi_dark", background_color="default", word_wrap=True))
    else:
        lines = plain_lines(solution, columns()) if exercise.kind == "questions" else map(Text, solution.splitlines())
        print_lines(lines)
    _say_notices(course)
    return 0


def _progress(arguments: argparse.Namespace) -> int:
    from lstm_lab.exercises.catalogue import chapters

    from ...text.learn import progress_lines

    course = _course(arguments)
    print_lines(progress_lines(chapters(), course.standings(), course.progress.records(), columns()))
    _say_notices(course)
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from lstm_ext.files import write_atomically
    from lstm_lab.exercises import export

    if arguments.verify:
        return _verify(arguments.file)
    course = _course(arguments)
    records = course.progress.records()
    suffix = Path(arguments.file).suffix.lower() if arguments.file else ".json"
    if suffix not in (".json", ".csv"):
        raise UsageError(f"FILE: got {arguments.file!r}, expected a name that ends in .json or .csv")
    content = export.as_csv(records) if suffix == ".csv" else json.dumps(export.as_json(records), indent=1) + "\n"
    if arguments.file is None:
        sys.stdout.write(content)
    else:
        write_atomically(arguments.file, content)
        note(f"wrote {arguments.file}")
    _say_notices(course)
    return 0


def _verify(file: str | None) -> int:
    from lstm_lab.exercises import export

    if file is None:
        raise UsageError("FILE: missing; expected the file to verify")
    try:
        content = export.verify(Path(file).read_text(encoding="utf-8", errors="replace"))
    except DataError as error:
        raise DataError(f"{file}: {error}") from None
    show(f"{file}: as it was written on {content['exported'][:10]}; {content['passed']} of {content['of']} passed")
    return 0


def _say_notices(course: Course) -> None:
    for notice in course.progress.notices:
        note(notice)
    course.progress.notices.clear()


def _author_check(arguments: argparse.Namespace) -> int:
    from lstm_lab.exercises.authoring import prove
    from lstm_lab.exercises.catalogue import exercises, find_exercise

    from ..progress import Progress

    chosen = [find_exercise(word) for word in arguments.exercise] or list(exercises().values())
    proofs = []
    with Progress(sys.stderr) as progress:
        for proof in prove(chosen, seeds=arguments.seeds, jobs=arguments.jobs):
            proofs.append(proof)
            progress.show(len(proofs) / len(chosen), [f"{len(proofs)} of {len(chosen)} exercises", proof.exercise])
            for complaint in proof.complaints:
                progress.stop()
                show(f"{complaint.exercise}: {complaint.tried}: {complaint.message}")
    mutants, ways = (sum(getattr(proof, name) for proof in proofs) for name in ("mutants", "ways"))
    bad = sum(len(proof.complaints) for proof in proofs)
    show(f"exercises {len(proofs)}, mutants {mutants}, ways of being right {ways}, complaints {bad}")
    return 1 if bad else 0


_ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": _list,
    "show": _show,
    "start": _start,
    "check": _check,
    "watch": _watch,
    "hint": _hint,
    "reset": _reset,
    "solution": _solution,
    "progress": _progress,
    "export": _export,
    "author-check": _author_check,
}
