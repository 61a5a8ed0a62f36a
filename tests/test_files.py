"""Atomic writing: what is left in a folder after success and after every kind of failure."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from lstm_ext.files import keep_aside, write_atomically


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_text_and_bytes_replace_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content, expected in (("naïve\n", "naïve\n".encode()), (b"\x00\xff", b"\x00\xff")):
        write_atomically(path, content)
        assert path.read_bytes() == expected
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("private", [0o600, 0o640, 0o664])
def test_a_replaced_file_keeps_its_permissions(tmp_path: Path, private: int) -> None:
    path = tmp_path / "file"
    path.touch()
    path.chmod(private)
    write_atomically(path, "new")
    assert (mode(path), path.read_text()) == (private, "new")


def test_a_new_file_obeys_the_umask_and_can_be_private(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        write_atomically(tmp_path / "shared", "x")
        write_atomically(tmp_path / "private", "x", mode=0o600)
    finally:
        os.umask(previous)
    assert (mode(tmp_path / "shared"), mode(tmp_path / "private")) == (0o640, 0o600)


def test_a_link_keeps_pointing_there(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    write_atomically(link, "x")
    assert link.is_symlink() and target.read_text() == "x"


@pytest.mark.parametrize("function", ["fsync", "replace", "fchmod"])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    function: str, error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*_: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        with pytest.raises(error):
            write_atomically(path, "new")
    assert (path.read_text(), os.listdir(tmp_path)) == ("old", ["file"])


def test_a_missing_folder_is_an_error_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        write_atomically(tmp_path / "nowhere" / "file", "x")
    assert raised.value.filename == str(tmp_path / "nowhere" / "file")  # not the temporary file
    assert not (tmp_path / "nowhere").exists()


KILLED = """
import os, signal, sys
from lstm_ext.files import write_atomically

os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
write_atomically(sys.argv[1], "x")
"""


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    child = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    (left,) = os.listdir(tmp_path)
    assert child.returncode < 0 and left.endswith(".tmp")
    here, pid = f"{zlib.crc32(socket.gethostname().encode()):08x}", left.split("-")[3]
    others = {
        f".lstm-lab-{here}-{os.getpid()}-0123abcd.tmp",  # of a process that lives
        f".lstm-lab-{here}-1-0123abcd.tmp",  # of another user's
        f".lstm-lab-{'0' * 8}-{pid}-0123abcd.tmp",  # of another machine
        f".lstm-lab-{here}-{pid}-0123abcd.tmp.txt",
        f"lstm-lab-{here}-{pid}-0123abcd.tmp",
        ".lstm-lab-0123456789abcdef.tmp",
    }
    for name in others:
        (tmp_path / name).touch()
    write_atomically(path, "new")
    assert set(os.listdir(tmp_path)) == {"file", *others}


@pytest.mark.parametrize("links", [True, False])
def test_files_kept_aside_are_numbered_and_never_replaced(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> None:
        raise PermissionError

    if not links:
        monkeypatch.setattr(os, "link", refused)
    monkeypatch.chdir(tmp_path)
    path = Path("a.b.safetensors")
    Path("a.b.old-7x.safetensors").touch()
    kept = []
    for content in "123":
        write_atomically(path, content, mode=0o600)
        kept.append(keep_aside(path))
        assert path.read_text() == content, "there was a moment without the file"
    assert kept == [f"a.b.old-{number}.safetensors" for number in (1, 2, 3)]
    assert [Path(name).read_text() for name in kept] == ["1", "2", "3"]
    Path(kept[0]).unlink()
    Path(kept[1]).unlink()
    assert keep_aside(path) == "a.b.old-4.safetensors", "a larger number is newer"
    assert {mode(Path(name)) for name in (path, kept[2], "a.b.old-4.safetensors")} == {0o600}


def test_the_target_of_a_link_is_kept_beside_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "target.x", tmp_path / "link.x"
    target.write_text("old")
    link.symlink_to(target)
    assert keep_aside(link) == str(tmp_path / "folder" / "target.old-1.x")
    write_atomically(link, "new")
    assert (tmp_path / "folder" / "target.old-1.x").read_text() == "old" and target.read_text() == "new"
