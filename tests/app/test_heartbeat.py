"""The log: what is late is said, not too often; it rotates, and never speaks on the terminal."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest

from lstm_lab.app.heartbeat import SECONDS, Heartbeat
from lstm_lab.log import LOG, begin_log, end_log


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(LOG, "propagate", True)
    caplog.set_level(logging.INFO, LOG.name)
    return caplog


def test_late_frames_are_logged_but_not_each(logged: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    heartbeat = Heartbeat(lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += seconds
        heartbeat.beat("train")

    wait(SECONDS + 0.2)  # as early as can be on a busy machine
    wait(SECONDS + 0.4)
    wait(SECONDS + 0.4)
    for _ in range(20):
        wait(SECONDS)
    wait(SECONDS + 0.3)
    wait(3600)
    assert logged.messages == [
        "slow frame: 0.40 s late on the train screen",
        "slow frame: 0.30 s late on the train screen",
        "stood still for 3600 s: suspended, or the machine slept",
    ]


def test_the_file_is_the_users_alone_and_does_not_grow_forever(tmp_path: Path) -> None:
    path = tmp_path / "state" / "log" / "lab.log"
    begin_log(path)
    try:
        for number in range(12_000):
            LOG.info("line %d of a log that is written for a long time, by a lab that never ends", number)
    finally:
        end_log()
    assert path.parent.stat().st_mode & 0o077 == 0
    assert sorted(file.name for file in path.parent.iterdir()) == ["lab.log", "lab.log.1", "lab.log.2"]
    assert sum(file.stat().st_size for file in path.parent.iterdir()) < 1_000_000
    assert "line 11999 of" in path.read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_log_that_cannot_be_written_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    begin_log(tmp_path / "file" / "log" / "lab.log")
    begin_log(tmp_path / "log" / "lab.log")
    try:
        for handler in LOG.handlers:
            if isinstance(handler, RotatingFileHandler):
                handler.stream = open("/dev/full", "w")  # noqa: SIM115
        LOG.error("nobody hears this")
    finally:
        end_log()
    assert capfd.readouterr() == ("", "")
