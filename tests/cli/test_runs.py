"""lstm-lab runs, and what the lab remembers of files."""

from __future__ import annotations

import csv
import json
import os
import threading
from pathlib import Path

import pytest
from cli.program import SMALL, Run, one_line
from hostile import HOSTILE, hidden_in

from lstm_ext.lock import locked
from lstm_ext.train.checkpoint import load_checkpoint, load_header
from lstm_lab.runs.known import KnownRuns
from lstm_lab.runs.registry import RUNS, KnownText, Registry


@pytest.fixture(autouse=True)
def nothing_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def book(run: Run, text: Path) -> str:
    """A run, and the one that it took the place of."""
    for steps in (30, 20):
        arguments = ["--data", text, "--checkpoint", "book", *SMALL, "--steps", steps, "--quiet"]
        assert run("train", *arguments)[0] == 0
    return "book.safetensors"


def test_the_list_has_what_the_header_says(run: Run, book: str) -> None:
    status, out, err = run("runs")
    assert (status, err) == (0, "")
    head, line, below = out.splitlines()
    assert head.split() == ["name", "text", "network", "nats", "bits", "steps", "when", "loss", "curve"]
    header = load_header(book)
    assert header.history.best_val is not None
    assert line.split()[:7] == [
        "book",
        "words.txt",
        "LSTM",
        "8",
        f"{header.history.best_val:.3f}",
        f"{header.history.best_val / 0.69314718:.2f}",
        "20",
    ]
    assert below.startswith("└ old-1") and " 30 " in below


def test_json(run: Run, book: str) -> None:
    status, out, _ = run("runs", "--json")
    (found,) = json.loads(out)["runs"]
    assert status == 0 and found["name"] == "book" and found["steps"] == 20 and found["cell"] == "lstm"
    assert found["loss"] == load_header(book).history.best_val and found["validated"]
    assert [old["steps"] for old in found["earlier"]] == [30]
    status, out, _ = run("runs", "show", "book", "--json")
    assert status == 0 and json.loads(out) == found


def test_the_header_is_that_of_the_whole_checkpoint(run: Run, book: str) -> None:
    header, whole = load_header(book), load_checkpoint(book)
    for name in ("config", "vocabulary", "trainer_config", "text"):
        assert getattr(header, name) == getattr(whole, name)
    for name in ("kept", "step", "epoch", "epoch_step", "lr", "seconds"):
        assert getattr(header, name) == getattr(whole.state, name)
    assert header.history.best_val == whole.state.history.best_val


def test_what_was_trained_elsewhere_is_known_until_it_is_forgotten(run: Run, book: str, tmp_path: Path) -> None:
    path = os.path.abspath(book)
    (tmp_path / "elsewhere").mkdir()
    os.chdir(tmp_path / "elsewhere")
    assert [entry["path"] for entry in json.loads(run("runs", "--json")[1])["runs"]] == [path]
    os.unlink(path)
    assert "the file is gone" in run("runs", "list")[1]
    assert run("runs", "delete", "book")[:2] == (0, f"{path}: forgotten\n")
    assert Registry().runs() == []


def test_all_that_are_gone_are_forgotten_at_once(run: Run, book: str) -> None:
    for name in "ab":
        Registry().remember_run(f"/nowhere/{name}.safetensors")
    assert run("runs", "forget")[:2] == (0, "forgotten: 2\n")
    assert Registry().runs() == [os.path.abspath(book)]


def test_renaming_takes_the_earlier_ones_along(run: Run, book: str) -> None:
    assert run("runs", "rename", "book", "novel")[0] == 0
    assert sorted(name for name in os.listdir() if "safetensors" in name) == [
        "novel.old-1.safetensors",
        "novel.safetensors",
    ]
    assert Registry().runs() == [os.path.abspath("novel.safetensors")]


def test_deleting(run: Run, book: str) -> None:
    status, _, err = run("runs", "delete", "book")
    assert status == 2 and "--yes: missing" in one_line(err) and os.path.exists(book)
    assert run("runs", "delete", "book", "--yes")[0] == 0
    assert not os.path.exists(book) and os.path.exists("book.old-1.safetensors")


@pytest.mark.parametrize("name", ["curve.csv", "curve.json"])
def test_exporting(run: Run, book: str, name: str) -> None:
    assert run("runs", "export", book, name)[0] == 0
    smoothed = load_header(book).history.view().smoothed.tolist()
    if name.endswith(".json"):
        assert json.loads(Path(name).read_text())["smoothed"] == smoothed
    else:
        with open(name, newline="") as file:
            assert [float(row["smoothed"]) for row in csv.DictReader(file)] == smoothed


@pytest.mark.parametrize(
    "arguments, status, message",
    [
        (["show", "nothing"], 2, "RUN: no run is called nothing"),
        (["rename", "book", "a/b"], 2, "NAME: got 'a/b', expected the name of a file"),
        (["rename", "book", "a.txt"], 2, "NAME: got 'a.txt'"),
        (["rename", "book", "other"], 1, "is there already"),
        (["rename", "cut", "new"], 1, "cut short"),
        (["export", "cut", "a.csv"], 1, "cut short"),
        (["export", "book", "a.txt"], 2, "FILE: got a.txt"),
        (["export", "book", "nowhere/a.csv"], 1, "nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, book: str, arguments: list[str], status: int, message: str) -> None:
    Path("other.safetensors").touch()
    Path("cut.safetensors").write_bytes(Path(book).read_bytes()[:-5])
    found, _, err = run("runs", *arguments)
    assert found == status and message in one_line(err)


def test_hostile_folders(run: Run, book: str) -> None:
    Path(book).rename(f"{HOSTILE}.safetensors".replace("/", ""))
    Path("deep.safetensors").write_bytes((100_000).to_bytes(8, "little") + b"[" * 100_000)
    Path("long.safetensors").write_bytes((1 << 24).to_bytes(8, "little") + b" " * (1 << 24))
    Path("foreign.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    os.symlink("nothing", "link.safetensors")
    os.mkfifo("pipe.safetensors")
    status, out, err = run("runs")
    assert (status, err) == (0, "")
    assert not hidden_in(out) and "foreign" not in out and "pipe" not in out
    for name in ("deep", "long"):
        assert (
            next(line for line in out.splitlines() if line.startswith(name)).endswith("is cut short, damaged")
            or name in out
        )


def test_headers_are_read_once(run: Run, book: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = KnownRuns(Registry())
    first = known.find()
    monkeypatch.setattr("lstm_lab.runs.known.load_header", lambda path: pytest.fail("read again"))
    assert [run.path for run in known.find()] == [run.path for run in first]


def test_who_is_writing_is_told(run: Run, book: str) -> None:
    with locked(book):
        (found,) = json.loads(run("runs", "--json")[1])["runs"]
        assert found["writer"] == "this process"
    assert not os.path.exists(".book.safetensors.lock")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"runs": 3, "texts": {}}',
        b"\xff",
        b'{"runs": ["relative", 7, "/\\u0000"], "texts": [{"name": 3}]}',
    ],
)
def test_a_registry_that_makes_no_sense_is_empty(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_bytes(content)
    registry = Registry(path)
    assert (registry.runs(), registry.texts()) == ([], [])
    registry.remember_run("a.safetensors")
    assert registry.runs() == [os.path.abspath("a.safetensors")]


def test_the_registry_is_bounded_and_the_last_is_first(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "runs.json")
    for number in [*range(RUNS + 5), 7]:
        registry.remember_run(f"/{number}.safetensors")
    assert len(registry.runs()) == RUNS and registry.runs()[:2] == ["/7.safetensors", f"/{RUNS + 4}.safetensors"]
    registry.remember_text("hamlet")
    registry.remember_text("book.txt", "latin-1")
    assert registry.texts() == [KnownText(os.path.abspath("book.txt"), "latin-1"), KnownText("hamlet")]


def test_nothing_fails_where_nothing_can_be_remembered(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    registry = Registry(tmp_path / "file" / "runs.json")
    registry.remember_run("a.safetensors")
    assert registry.runs() == []


def test_a_current_folder_that_is_gone(run: Run, book: str, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    registry = Registry()
    registry.remember_run("a.safetensors")
    registry.remember_text("a.txt")
    assert [os.path.basename(path) for path in registry.runs()] == ["book.safetensors"]
    status, out, err = run("runs")
    assert (status, err) == (0, "") and "book" in out
    assert run("runs", "show", str(tmp_path / book))[0] == 0


def test_many_threads_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    threads = [
        threading.Thread(target=lambda name=name: Registry(path).remember_run(f"/{name}.safetensors"))  # type: ignore[misc]
        for name in "abcdefgh"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Registry(path).runs()) == [f"/{name}.safetensors" for name in "abcdefgh"]
