"""lstm-lab doctor."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from cli.program import Run

from lstm_ext.data import load_text
from lstm_ext.engine.backend import backend_name
from lstm_lab.cli.installation import training_speed, weight


def test_doctor_tells_a_machine_and_a_person(run: Run) -> None:
    status, out, err = run("doctor", "--json")
    assert (status, err) == (0, "")
    report = json.loads(out)
    assert report["backend"] in report["backends"]
    assert report["packages"]["numpy"] == np.__version__
    assert report["terminal"]["is_terminal"] is False
    assert report["texts"]["hello"] == len(load_text("hello"))
    assert report["writable"][os.getcwd()] is True
    if "c" in report["backends"]:
        assert report["core"]["kernel"] in report["core"]["kernels"]
    status, out, _ = run("doctor")
    assert status == 0
    assert re.search(rf"^backend +{report['backend']} ", out, re.MULTILINE)
    assert re.search(
        r"^speed +trains [\d.]+[kM]? characters per second \(LSTM, 128 units, float32; .*, 1 thread\)$", out, re.M
    )
    assert re.search(r"^installed +[\d.]+ MB in \d+ packages; the largest: sympy [\d.]+ MB, numpy [\d.]+ ", out, re.M)
    assert re.search(r"^starting +import lstm_ext \d\.\d\d s, then the first model \d+\.\d\d s$", out, re.M)


def test_doctor_weighs_every_package_that_is_needed_and_no_other() -> None:
    sizes = weight()
    assert {"lstm-lab", "numpy", "cffi", "pycparser", "textual", "rich", "shtab"} <= sizes.keys()
    assert not sizes.keys() & {"matplotlib", "pytest", "setuptools"}
    files = [path for path in Path(np.__file__).parent.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sizes["numpy"] >= sum(path.stat().st_size for path in files)


def test_doctor_measures_the_engine_that_training_uses() -> None:
    speed = training_speed(0.1)
    assert speed["backend"] == backend_name() and (speed["kernel"] is None) == (speed["backend"] == "numpy")
    # One step of 16 × 50 characters takes between 20 µs and 20 s on any machine.
    assert 40 < speed["chars_per_second"] < 40e6


def test_doctor_says_what_to_do_without_the_core(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_lab.cli.commands.doctor.available_backends", lambda: ("numpy",))
    monkeypatch.setattr("lstm_lab.cli.commands.doctor.backend_name", lambda: "numpy")
    _, out, _ = run("doctor")
    assert "Install a C compiler" in " ".join(out.split())


def test_doctor_names_the_files_of_the_lab(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config.toml"
    monkeypatch.setenv("LSTM_LAB_CONFIG", str(config))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    config.write_text("fps = 0\n")
    _, out, _ = run("doctor")
    assert re.search(rf"^config +{config}$", out, re.M)
    assert re.search(rf"^log +{tmp_path}/state/lstm-lab/log/lab.log$", out, re.M)
    assert (
        "- config.toml: fps: got 0, expected a whole number from 1 to 30; `lstm-lab config validate` says more." in out
    )
