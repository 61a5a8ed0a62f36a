"""Atomic writing: what is left in a folder after success and after every kind of failure."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from lstm_ext.files import write_atomically


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
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "nowhere" / "file", "x")
    assert not (tmp_path / "nowhere").exists()
