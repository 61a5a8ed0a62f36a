"""Checkpoints: everything comes back, files are whole or as they were, and wrong ones are refused in one line."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from lstm_ext import files
from lstm_ext.data import TextIdentity, Vocabulary
from lstm_ext.engine.config import ModelConfig, OptimizerConfig
from lstm_ext.errors import CheckpointError
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.tensors import check_destination
from lstm_ext.train.checkpoint import Checkpoint, _named, load_checkpoint, save_checkpoint
from lstm_ext.train.config import TrainerConfig
from lstm_ext.train.history import History
from lstm_ext.train.schedule import Plan
from lstm_ext.train.state import RunState

H = 3
SYMBOLS = '\n aé\N{GRINNING FACE}\ud800"'


def make_checkpoint(**model: Any) -> Checkpoint:
    """Every number different."""
    size = len(SYMBOLS)
    config = ModelConfig(**{"input_size": size, "hidden_size": H, "output_size": size, "num_layers": 2, **model})
    trainer = TrainerConfig(
        seq_length=11,
        batch_size=5,
        reset_every=8,
        lr=0.5,
        schedule="cosine",
        warmup=3,
        average=0.25,
        patience=6,
        optimizer=OptimizerConfig("sgd", momentum=0.9),
        seed=4,
        checkpoint="x",
    )
    rng = np.random.default_rng(0)
    history = History()
    history.add(1, rng.random(9), rng.random(9), rng.random(9), 0.5)
    history.add_validation(8, 1.5)
    history.add_lr(1, 0.5)
    state = RunState(
        parameters=rng.random(config.num_parameters).astype(config.dtype),
        moments=rng.random((2, config.num_parameters)).astype(config.dtype),
        carried=rng.random(config.state_shape(5)).astype(config.dtype),
        history=history,
        step=9,
        epoch=1,
        epoch_step=2,
        lr=1 / 3,
        seconds=1.1,
        plan=Plan(90, 7.5, 8, 0.25, 0.03),
        average=rng.random(config.num_parameters).astype(config.dtype),
        best=rng.random(config.num_parameters).astype(config.dtype),
    )
    text = TextIdentity("ham\udcfflet", "utf-8", 77, "0123456789abcdef" * 4)
    return Checkpoint(config, Vocabulary(SYMBOLS), trainer, text, state)


def at_step(step: int) -> Checkpoint:
    checkpoint = make_checkpoint()
    checkpoint.state.step = step
    return checkpoint


MODELS: list[dict[str, Any]] = [
    {"peephole": True, "dtype": "float64"},
    {"coupled": True, "force": {"output": 0.25}, "dropout": 0.1},
    {"cell": "gru", "reset_after": True},
    {"cell": "gru", "num_layers": 1},
    {"cell": "rnn", "num_layers": 3},
    {"cell": "mingru", "num_layers": 2},
]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "model.safetensors")


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_everything_comes_back(model: dict[str, Any], path: str) -> None:
    before = make_checkpoint(**model)
    save_checkpoint(before, path)
    after = load_checkpoint(path)
    assert after.trainer_config == replace(before.trainer_config, checkpoint=None)
    assert (after.config, after.vocabulary, after.text) == (before.config, before.vocabulary, before.text)
    for field in fields(RunState):
        a, b = getattr(before.state, field.name), getattr(after.state, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b, err_msg=field.name)
        elif field.name == "history":
            for name, array in a.arrays().items():
                np.testing.assert_array_equal(array, b.arrays()[name])
        else:
            assert a == b, field.name


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_tensors_are_named_as_in_pytorch(model: dict[str, Any], path: str) -> None:
    before = make_checkpoint(**model)
    save_checkpoint(before, path)
    tensors = load_file(path)
    weights = before.model(backend="numpy").weights()
    for layer in range(before.config.num_layers):
        w = weights[f"layers.{layer}.W"]
        seen = before.config.layer(layer).recurrent_rows  # 0 where no weights meet h
        assert (f"rnn.weight_hh_l{layer}" in tensors) == bool(seen)
        if seen:
            np.testing.assert_array_equal(tensors[f"rnn.weight_hh_l{layer}"], w[:, :H])
        np.testing.assert_array_equal(tensors[f"rnn.weight_ih_l{layer}"], w[:, seen:])
        np.testing.assert_array_equal(tensors[f"rnn.bias_l{layer}"], weights[f"layers.{layer}.b"])
        if before.config.peephole:
            np.testing.assert_array_equal(tensors[f"rnn.peephole_l{layer}"], weights[f"layers.{layer}.peephole"])
    np.testing.assert_array_equal(tensors["decoder.weight"], weights["output.W"])
    np.testing.assert_array_equal(tensors["decoder.bias"], weights["output.b"])
    counted = sum(array.size for name, array in tensors.items() if name.startswith(("rnn.", "decoder.")))
    assert counted == before.config.num_parameters


@pytest.mark.parametrize("kept", ["best", "average", "last"])
def test_the_model_is_the_one_saved(kept: str, path: str) -> None:
    """The best weights; without an evaluation the average; without that the last."""
    before = make_checkpoint()
    state = before.state
    weights = {"best": state.best, "average": state.average, "last": state.parameters}[kept]
    if kept != "best":
        state.best = None
    if kept == "last":
        state.average = None
    model = LanguageModel(before.config, backend="numpy")
    save_checkpoint(before, path)
    after = load_checkpoint(path)
    restored = after.state
    assert (restored.kept, restored.best is None, restored.average is None) == (kept, kept != "best", kept == "last")
    text = list(range(len(SYMBOLS)))
    for last, expected in ((False, weights), (True, state.parameters)):
        assert expected is not None
        model.load(expected)
        np.testing.assert_array_equal(
            after.model(last=last, backend="numpy").probabilities(text), model.probabilities(text)
        )


# ------------------------------------------------------------------- writing


def test_a_file_like_any_other(path: str) -> None:
    previous = os.umask(0o027)
    try:
        save_checkpoint(make_checkpoint(), path)
    finally:
        os.umask(previous)
    assert os.stat(path).st_mode & 0o777 == 0o640


def test_a_link_keeps_pointing_there(tmp_path: Path) -> None:
    target, link = tmp_path / "target.safetensors", tmp_path / "link.safetensors"
    link.symlink_to(target)
    for step in (1, 2):
        save_checkpoint(at_step(step), str(link))
        assert link.is_symlink()
        assert load_checkpoint(str(target)).state.step == step


def test_a_path_in_the_present_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_checkpoint(make_checkpoint(), "here.safetensors")
    assert os.listdir(tmp_path) == ["here.safetensors"]


@pytest.mark.parametrize(
    ("function", "number", "reason"),
    [
        ("fsync", errno.ENOSPC, "no space left on the disk"),
        ("fsync", errno.EIO, "Input/output error"),
        ("replace", errno.EACCES, "Permission denied"),
        ("open", errno.EROFS, "Read-only file system"),
    ],
)
def test_a_failure_leaves_the_old_file(
    function: str, number: int, reason: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(make_checkpoint(), path)

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(files.os, function, fail)  # type: ignore[attr-defined]
        with pytest.raises(CheckpointError, match=f"^{path}: cannot be written: {reason}$"):
            save_checkpoint(at_step(10), path)
    assert load_checkpoint(path).state.step == 9
    assert os.listdir(os.path.dirname(path)) == ["model.safetensors"]


CHILD = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from test_checkpoint import at_step, save_checkpoint

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(os, sys.argv[3], die)
save_checkpoint(at_step(10), sys.argv[1])
"""


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_killed_while_saving(moment: str, path: str) -> None:
    save_checkpoint(make_checkpoint(), path)
    child = subprocess.run([sys.executable, "-c", CHILD, path, os.path.dirname(__file__), moment], check=False)
    assert child.returncode == -signal.SIGKILL
    assert load_checkpoint(path).state.step == 9


def test_the_data_are_on_the_disk_before_the_name(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def note(*arguments: Any, name: str = name, real: Callable[..., Any] = real) -> Any:
            calls.append(name)
            return real(*arguments)

        monkeypatch.setattr(os, name, note)
    save_checkpoint(make_checkpoint(), path)
    assert calls == ["fsync", "replace", "fsync"]  # the file, its name, the directory


def test_destinations_that_cannot_be(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for destination, reason in {
        tmp_path: "is a directory or a device",
        fifo: "is a directory or a device",
        "/dev/null": "is a directory or a device",
        tmp_path / "missing" / "x.safetensors": f"there is no directory {tmp_path}/missing",
    }.items():
        for refuse in (check_destination, lambda path: save_checkpoint(make_checkpoint(), path)):
            with pytest.raises(CheckpointError, match=f"^{destination}: cannot be written: {reason}$"):
                refuse(str(destination))


def test_a_directory_without_permission(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(CheckpointError, match="no permission to write"):
        check_destination(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_do_not_replace_good_ones(value: float, path: str) -> None:
    save_checkpoint(make_checkpoint(), path)
    broken = make_checkpoint()
    broken.state.parameters[-1] = value
    with pytest.raises(CheckpointError, match="not written, because the weights hold NaN or infinity"):
        save_checkpoint(broken, path)
    assert np.isfinite(load_checkpoint(path).state.parameters).all()


# ------------------------------------------------------------------- reading


def refused(path: str) -> str:
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path)
    message = str(error.value)
    assert message.startswith((path, repr(path)))
    assert "\n" not in message
    return message


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert refused(str(tmp_path / "missing")).endswith("no such checkpoint")
    assert refused(str(tmp_path)).endswith("is a directory, expected a checkpoint")
    assert refused(str(tmp_path / "fifo")).endswith("is a pipe or a device, expected a checkpoint")
    assert "File name too long" in refused(str(tmp_path / ("x" * 300)))
    assert "embedded null" in refused(str(tmp_path / "nul\0"))


@pytest.mark.parametrize("kept", [0, 5, 8, 100, 2000, -1])
def test_a_file_cut_short(kept: int, path: str) -> None:
    save_checkpoint(make_checkpoint(), path)
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[:kept])
    assert "is cut short, damaged or no checkpoint at all" in refused(path)


@pytest.mark.parametrize("content", [b"To be, or not to be", b"\x80\x04\x95cos\nsystem\n", bytes(1000)])
def test_files_of_other_kinds(content: bytes, path: str) -> None:
    Path(path).write_bytes(content)
    assert "is cut short, damaged or no checkpoint at all" in refused(path)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_safetensors_of_others(metadata: dict[str, str] | None, path: str) -> None:
    save_file({"model.weight": np.zeros(3)}, path, metadata)
    assert refused(path).endswith("is a .safetensors file, but no checkpoint of lstm-lab")


@pytest.fixture
def forge(path: str) -> Iterator[Callable[..., str]]:
    """Writes a checkpoint after ``change(metadata, contents, tensors)``; returns the message it is refused with."""
    from safetensors import safe_open

    def forge(change: Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], object]) -> str:
        save_checkpoint(make_checkpoint(), path)
        with safe_open(path, framework="numpy") as file:
            metadata = {name: value for name, value in file.metadata().items() if name != "checksums"}
        contents, tensors = json.loads(metadata["contents"]), load_file(path)
        change(metadata, contents, tensors)
        if "contents" in metadata and metadata["contents"][:1] == "{":
            metadata["contents"] = json.dumps(contents)
        save_file(tensors, path, metadata)
        return refused(path)

    yield forge


@pytest.mark.parametrize(
    ("version", "hint"),
    [
        ("1", "train it again, or use the older lstm-lab that wrote it"),
        ("3", "a newer one may read it"),
        ("x", "a newer one may read it"),
    ],
)
def test_another_version(version: str, hint: str, forge: Callable[..., str]) -> None:
    message = forge(lambda metadata, contents, tensors: metadata.update(version=version))
    assert message.endswith(f": has format version {version}, this lstm-lab reads version 2; {hint}")


@pytest.mark.parametrize("description", ["", "[1]", "nonsense", "[" * 100_000])
def test_a_description_that_is_none(description: str, forge: Callable[..., str]) -> None:
    message = forge(lambda metadata, contents, tensors: metadata.update(contents=description))
    assert message.endswith("is damaged: its description is not JSON")


TENSORS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "missing": (lambda t: t.pop("rnn.weight_hh_l1"), "'rnn.weight_hh_l1' is missing"),
    "no history": (lambda t: t.pop("training.history.buckets"), "'buckets' is missing"),
    "shape": (
        lambda t: t.update({"decoder.weight": np.zeros((2, 3), np.float32)}),
        r"decoder.weight is float32 (2, 3), expected float32 (7, 3)",
    ),
    "dtype": (
        lambda t: t.update({"rnn.bias_l0": np.zeros(12)}),
        r"rnn.bias_l0 is float64 (12,), expected float32 (12,)",
    ),
    "state": (
        lambda t: t.update({"training.state": np.zeros((2, 2, 4, 3), np.float32)}),
        "training.state is float32 (2, 2, 4, 3), expected float32 (2, 2, 5, 3)",
    ),
    "nan": (
        lambda t: t.update({"rnn.bias_l0": np.full(12, np.nan, np.float32)}),
        "rnn.bias_l0 holds NaN or infinity",
    ),
    "no last weights": (lambda t: t.pop("training.parameters"), "'training.parameters' is missing"),
    "average": (
        lambda t: t.update({"training.average": np.zeros(4, np.float32)}),
        "training.average is float32 (4,), expected float32",
    ),
    "history": (lambda t: t.update({"training.history.lrs": np.zeros(2)}), "lrs: got float64 (2,)"),
    "more history": (lambda t: t.update({"training.history.x": np.zeros(2)}), "'x' is no part of a loss curve"),
    "a long history": (
        lambda t: t.update({"training.history.validation": np.zeros((1025, 2))}),
        "validation: got float64 (1025, 2)",
    ),
    "steps of a history": (
        lambda t: t.update({"training.history.validation": np.array([[np.inf, 1.0]])}),
        "validation: got steps that are no whole numbers",
    ),
    "unknown": (lambda t: t.update({"x": np.zeros(2)}), "'x' does not belong there"),
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_that_do_not_fit(name: str, forge: Callable[..., str]) -> None:
    change, reason = TENSORS[name]
    message = forge(lambda metadata, contents, tensors: change(tensors))
    assert "is damaged: " in message
    assert reason in message


CONTENTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no model": (lambda c: c.pop("model"), "'model' is missing"),
    "no step": (lambda c: c.pop("step"), "'step' is missing"),
    "step": (lambda c: c.update(step=-1), "step is -1"),
    "step of another type": (lambda c: c.update(step="9"), "step is '9'"),
    "a step too large": (lambda c: c.update(step=2**70), f"step is {2**70}"),
    "no learning rate": (lambda c: c.update(lr=float("nan")), "lr is nan"),
    "cell": (lambda c: c["model"].update(cell="transformer"), "cell: got 'transformer'"),
    "very many layers": (lambda c: c["model"].update(num_layers=10**12), "1000000000000 layers, but"),
    "layers of another type": (lambda c: c["model"].update(num_layers=None), "is damaged"),
    "very many units": (lambda c: c["model"].update(hidden_size=10**6), "training.parameters is "),
    "an unknown setting": (lambda c: c["trainer"].update(__class__="x"), "__class__"),
    "another alphabet": (lambda c: c.update(vocabulary="ab"), "7 inputs and 7 outputs for 2 characters"),
    "no alphabet": (lambda c: c.update(vocabulary=""), "at least one character"),
    "an alphabet of another type": (lambda c: c.update(vocabulary=[1, 2]), "is damaged"),
    "optimizer": (lambda c: c["trainer"].update(optimizer=None), "is damaged"),
    "no text": (lambda c: c.pop("text"), "'text' is missing"),
    "no hash": (lambda c: c["text"].pop("sha256"), "'sha256' is missing"),
    "a text's length": (lambda c: c["text"].update(length=-1), "length is -1"),
    "schedule": (lambda c: c["trainer"].update(schedule="steep"), "schedule: got 'steep'"),
    "plan": (lambda c: c["plan"].update(per_step=-1.0), "plan: got"),
    "coupled": (lambda c: c["model"].update(coupled="yes"), "coupled: got 'yes', expected True or False"),
    "peephole": (lambda c: c["model"].update(peephole=1), "peephole: got 1, expected True or False"),
    "units": (lambda c: c["model"].update(hidden_size=3.0), "hidden_size: got 3.0, expected an integer"),
    "layers": (lambda c: c["model"].update(num_layers=True), "num_layers: got True, expected an integer"),
    "dropout": (lambda c: c["model"].update(dropout=float("nan")), "dropout: got nan"),
    "dropout as a text": (lambda c: c["model"].update(dropout="0.1"), "dropout: got '0.1', expected a number"),
    "dropout that is no number": (lambda c: c["model"].update(dropout=False), "dropout: got False, expected a number"),
    "force": (lambda c: c["model"].update(force={"input": "1"}), "force: got {'input': '1'}, expected a dict with"),
    "infinite force": (lambda c: c["model"].update(force={"input": float("inf")}), "force: got inf for 'input'"),
    "optimizer's numbers": (lambda c: c["trainer"]["optimizer"].update(beta1=True), "beta1: got True, expected a nu"),
    "a large seed": (lambda c: c["trainer"].update(seed=2**63), "seed: got 9223372036854775808, expected an integer"),
    "a path": (lambda c: c["trainer"].update(checkpoint="/etc/x"), "checkpoint: got '/etc/x', expected None"),
    "a text's hash": (lambda c: c["text"].update(sha256="\x1b[2J"), "sha256 is '\\x1b[2J'"),
    "characters in another order": (lambda c: c.update(vocabulary=c["vocabulary"][::-1]), "in order, each once"),
    "kept": (lambda c: c.update(kept="all"), "kept is 'all'"),
    "no average": (lambda c: c.update(kept="last"), "kept is 'last'"),
    "something unknown": (lambda c: c.update(x=1), "unknown setting 'x'"),
    "a plan's steps": (lambda c: c["plan"].update(total_steps=1.5), "total_steps: got 1.5, expected an integer of at"),
    "batch": (lambda c: c["trainer"].update(batch_size=10**9), "training.state is"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_descriptions_that_do_not_fit(name: str, forge: Callable[..., str]) -> None:
    change, reason = CONTENTS[name]
    message = forge(lambda metadata, contents, tensors: change(contents))
    assert "is damaged" in message
    assert reason in message


def test_a_sparse_file_is_refused_before_anything_is_read(path: str) -> None:
    """The header of a checkpoint of 5 GB that is consistent in itself, and nothing behind it."""
    save_checkpoint(make_checkpoint(num_layers=1), path)
    content = Path(path).read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    contents = json.loads(header["__metadata__"]["contents"])
    contents["model"]["hidden_size"] = 8000
    config = ModelConfig(**contents["model"])
    size, end = config.num_parameters, 0
    shapes = {name: view.shape for name, view in _named(config, np.zeros(size, np.float32)).items()}
    shapes |= {"training.moments": (2, size), "training.state": config.state_shape(5)}
    shapes |= {"training.parameters": (size,), "training.average": (size,)}
    for name, entry in header.items():
        if name != "__metadata__":
            entry["shape"] = shapes.get(name, tuple(entry["shape"]))
            begin, end = end, end + int(np.prod(entry["shape"])) * (8 if entry["dtype"] == "F64" else 4)
            entry["data_offsets"] = [begin, end]
    header["__metadata__"] = {"format": "lstm-lab", "version": "2", "contents": json.dumps(contents)}
    encoded = json.dumps(header).encode()
    Path(path).write_bytes(len(encoded).to_bytes(8, "little") + encoded)
    os.truncate(path, 8 + len(encoded) + end)
    assert end > 5e9 and os.stat(path).st_blocks * 512 < 50_000
    assert re.search(r"is damaged: only [\d,]+ of its 5,\d+,\d+,\d+ bytes are on the disk$", refused(path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h["a"].update(data_offsets=[8, 24]), "a lies from 8 to 24"),
        (lambda h: h["b"].update(data_offsets=[0, 24]), "b lies from 0 to 24"),
        (lambda h: h["b"].update(data_offsets=[16, 48]), "b is float64 (3,) in 32 bytes"),
        (lambda h: h["b"].update(shape=[2**50]), f"b has the shape [{2**50}]"),
        (lambda h: h["b"].update(shape=[-3]), "b has the shape [-3]"),
        (lambda h: h["b"].update(shape=[3.0]), "b has the shape [3.0]"),
        (lambda h: h["b"].update(shape=3), "b has the shape 3"),
        (lambda h: h["b"].update(dtype="F32"), "b is float32 (3,) in 24 bytes"),
        (lambda h: h["b"].update(more=1), "b is described by dtype, shape, data_offsets, more"),
        (lambda h: h.pop("b"), "24 bytes more than its header says"),
        (lambda h: h["__metadata__"].update(x=1), "metadata that are no texts"),
    ],
)
def test_headers_that_contradict_themselves(change: Callable[[Any], object], message: str, path: str) -> None:
    header: dict[str, Any] = {
        "__metadata__": {"format": "lstm-lab"},
        "a": {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]},
        "b": {"dtype": "F64", "shape": [3], "data_offsets": [16, 40]},
    }
    change(header)
    encoded = json.dumps(header).encode()
    Path(path).write_bytes(len(encoded).to_bytes(8, "little") + encoded + bytes(40))
    assert "is cut short, damaged or no checkpoint at all (" in refused(path)
    assert message in refused(path)


def test_a_name_that_occurs_twice_in_a_header(path: str) -> None:
    save_checkpoint(make_checkpoint(), path)
    content = Path(path).read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    encoded = content[8:end].rstrip()[:-1] + b',"__metadata__":{}}'
    Path(path).write_bytes(len(encoded).to_bytes(8, "little") + encoded + content[end:])
    assert "a name occurs twice" in refused(path)
