"""What learners could stumble on beside the course: nothing of a solution is installed in clear text."""

from __future__ import annotations

import compileall
import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from lstm_lab.exercises.catalogue import CONTENT
from lstm_lab.exercises.vault import read_private

ROOT = Path(__file__).resolve().parents[2]
PRIVATE = sorted(CONTENT.glob("*/private"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python files of the package as a wheel has them, with bytecode as an installer makes it."""
    folder = tmp_path_factory.mktemp("built")
    commands = ["egg_info", "--egg-base", str(folder), "build_py", "--build-lib", str(folder / "lib")]
    done = subprocess.run([sys.executable, "setup.py", "-q", *commands], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    compileall.compile_dir(folder / "lib" / "lstm_lab" / "exercises", quiet=2)
    return folder / "lib"


def _distinctive(folder: Path) -> set[bytes]:
    """Pieces of private files that say something, and that no starter, text or hint gives away on purpose.

    Of programs two lines in a row, as one may be written twice by chance; of mutants what they edit.
    """
    public = [path for name in ("starter.py", "exercise.toml", "text.md") for path in CONTENT.glob(f"*/{name}")]
    given = "\n".join(path.read_text(encoding="utf-8") for path in public)
    pieces: set[str] = set()
    for path in folder.rglob("*.py"):
        lines = [line.rstrip() for line in path.read_text(encoding="utf-8").splitlines()]
        code = [line for line in lines if line and not line.startswith(('"""', "import ", "from "))]
        pieces |= {
            f"{first}\n{second}" for first, second in itertools.pairwise(code) if len(first + second.strip()) >= 50
        }
    if (mutants := folder / "mutants.toml").is_file():
        pieces |= {line for line in mutants.read_text(encoding="utf-8").splitlines() if line.startswith("edits")}
    return {piece.encode() for piece in pieces if piece not in given}


@pytest.mark.parametrize("private", PRIVATE, ids=lambda folder: folder.parent.name)
def test_private_files_are_packed_and_can_be_read(private: Path, installed: Path) -> None:
    exercise = installed / "lstm_lab" / "exercises" / "content" / private.parent.name
    assert (exercise / "private.bin").is_file()
    assert not (exercise / "private").exists()
    for path in private.iterdir():
        if path.is_file():
            assert read_private(exercise, path.name) == path.read_text(encoding="utf-8")
    for way in private.glob("ways/*"):
        assert read_private(exercise, way.name) is None


def test_nothing_of_a_solution_is_in_any_installed_file(installed: Path) -> None:
    files = {path: path.read_bytes() for path in installed.rglob("*") if path.is_file()}
    assert any(path.suffix == ".pyc" for path in files) and any(path.name == "private.bin" for path in files)
    course = {path: content for path, content in files.items() if "exercises" in path.parts}
    found = {
        (str(path.relative_to(installed)), piece.decode())
        for private in PRIVATE
        for piece in _distinctive(private)
        for path, content in course.items()
        if piece in content
    }
    assert sorted(found) == []
