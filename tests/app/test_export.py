"""What is written of a run: every column of the curve, and nothing that JSON does not know."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from lstm_ext.data import load_text
from lstm_ext.train.run_config import RunConfig
from lstm_ext.train.trainer import Trainer
from lstm_lab.app.export import export


def test_norms_and_rates_are_columns(tmp_path: Path) -> None:
    trainer = RunConfig.from_options({"hidden_size": 5, "seq_length": 7, "batch_size": 2}).trainer(load_text("hamlet"))
    trainer.run(steps=30)
    history = trainer.snapshot().history
    assert np.ptp(history.norm) > 0 and history.rate[9] == 4e-4  # of the warm-up's 100 steps the tenth
    for suffix in (".csv", ".json"):
        export(str(tmp_path / f"curve{suffix}"), snapshot=trainer.snapshot(), picture="")
    rows = list(csv.DictReader((tmp_path / "curve.csv").open()))
    curve = json.loads((tmp_path / "curve.json").read_text())
    for name in ("loss", "norm", "norm_low", "norm_high", "clipped", "rate"):
        assert [float(row[name]) for row in rows] == curve[name] == getattr(history, name).tolist()


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    trainer = RunConfig.from_options({"hidden_size": 5, "seq_length": 7, "batch_size": 2}).trainer(load_text("hamlet"))
    path = str(tmp_path / "run.safetensors")
    trainer.run(steps=3)
    trainer._loop.state.history._buckets[:, 6:] = (0, 0, np.inf, -np.inf, 0, np.nan)  # as earlier versions kept it
    trainer.save(path)
    snapshot = Trainer.resume(path).snapshot()
    export(str(tmp_path / "curve.csv"), snapshot=snapshot, picture="")
    export(str(tmp_path / "curve.json"), snapshot=snapshot, picture="")
    assert [row["norm"] + row["rate"] for row in csv.DictReader((tmp_path / "curve.csv").open())] == [""] * 3
    assert json.loads((tmp_path / "curve.json").read_text())["clipped"] == [None] * 3
