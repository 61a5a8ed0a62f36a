"""Thousands of damaged and forged files of weights: each loads equal or is refused in one line, in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import damage
import pytest


def in_a_process(kind: str, count: int) -> dict[str, Any]:
    command = [sys.executable, damage.__file__, kind, "0", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.skipif(sys.platform != "linux", reason="VmHWM")
@pytest.mark.parametrize(("kind", "count"), [("run", 2000), ("network", 1000), ("timeline", 1000)])
def test_damaged_files_load_equal_or_are_refused_in_one_line(kind: str, count: int) -> None:
    found = in_a_process(kind, count)
    assert found["wrong"] == []
    assert found["megabytes"] < 200
    outcomes = found["outcomes"]
    forged = sum(number for outcome, number in outcomes.items() if outcome.startswith("forged"))
    assert outcomes["damaged, refused"] > 0.9 * count
    assert forged > 300 and outcomes["forged, refused"] > 0.85 * forged


@pytest.mark.parametrize("kind", damage.KINDS)
def test_one_flipped_bit_anywhere_in_the_data_is_noticed(kind: str, tmp_path: Path) -> None:
    write, read = damage.KINDS[kind]
    path = tmp_path / "x.safetensors"
    write(path)
    good = path.read_bytes()
    start = 8 + int.from_bytes(good[:8], "little")
    for place in [*range(start, len(good), 97), len(good) - 1]:
        path.write_bytes(good[:place] + bytes([good[place] ^ 4]) + good[place + 1 :])
        with pytest.raises(damage.LabError, match=r"is damaged: \S+ has another checksum than when it was written$"):
            read(path)


@pytest.mark.parametrize("kind", damage.KINDS)
def test_files_from_before_there_were_checksums_are_read(kind: str, tmp_path: Path) -> None:
    write, read = damage.KINDS[kind]
    path = tmp_path / "x.safetensors"
    write(path)
    good, expected = path.read_bytes(), read(path)
    path.write_bytes(next(damage.forged(good, [])))
    assert b"checksums" in good and b"checksums" not in path.read_bytes()
    assert read(path) == expected
