"""Networks in files: the same network comes back and continues to the bit, and what is wrong is refused in one line."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from lstm_ext import LanguageModel, ModelConfig, OptimizerConfig, Vocabulary, nn
from lstm_ext.engine.backend import available_backends
from lstm_ext.errors import ArgumentError, CheckpointError

pytestmark = pytest.mark.filterwarnings("error")

T, B, D, H, V = 6, 4, 3, 4, 5
LENGTHS = np.array([6, 1, 3, 5])
backends = pytest.mark.parametrize("backend", available_backends())


def random(seed: int) -> np.random.Generator:
    return np.random.default_rng([5, seed])


def symbols(seed: int, *shape: int) -> np.ndarray:
    return random(seed).integers(0, V, shape)


class Own(nn.Model):
    """A class of one's own, with every kind of argument that a file can hold."""

    def __init__(self, sizes: tuple[int, int], inits: list[str], options: dict[str, Any], norm: nn.LayerNorm) -> None:
        self.embedding = nn.Embedding(V, sizes[0])
        self.rnn = nn.Recurrent("gru", sizes[0], sizes[1], **options)
        self.norm = norm
        self.outputs = [nn.Linear(sizes[1], V, init=init) for init in inits]

    def forward(self, inputs: Any, lengths: Any = None) -> np.ndarray:
        x = self.norm.forward(self.rnn.forward(self.embedding.forward(inputs), lengths))
        return self.outputs[0].forward(x) + self.outputs[1].forward(x)

    def backward(self, dout: np.ndarray) -> None:
        dx = self.rnn.backward(self.norm.backward(self.outputs[0].backward(dout) + self.outputs[1].backward(dout)))
        assert dx is not None
        self.embedding.backward(dx)


def own() -> Own:
    options = {"dropout": np.float64(0.2), "num_layers": 2, "force": None}
    return Own((2, H), ["uniform", "xavier"], options, nn.LayerNorm(H, eps=1e-3))


def classes(seed: int) -> nn.Batch:
    return nn.Batch(symbols(seed, T, B), LENGTHS, symbols(seed + 99, B) % 3)


def tags(seed: int) -> nn.Batch:
    return nn.Batch(
        symbols(seed, T, B), LENGTHS, np.where(np.arange(T)[:, None] < LENGTHS, symbols(seed + 9, T, B), -1)
    )


def numbers(seed: int, *targets: int) -> nn.Batch:
    return nn.Batch(random(seed).normal(size=(T, B, D)), LENGTHS, random(seed + 9).normal(size=targets))


NETWORKS: dict[str, tuple[Callable[[], nn.Model], Callable[[int], nn.Batch]]] = {
    "classifier": (
        lambda: nn.Classifier(V, H, 3, pooling="attention", embedding_size=2, dropout=0.2, layer_norm=True),
        classes,
    ),
    "tagger": (
        lambda: nn.Tagger(V, H, V, bidirectional=True, recurrent_dropout=0.3, peephole=True, init="chrono:9"),
        tags,
    ),
    "regressor": (lambda: nn.Regressor(D, H, 2, cell="gru", reset_after=True), lambda seed: numbers(seed, B, 2)),
    "direct forecaster": (
        lambda: nn.DirectForecaster(D, H, 5, force={"forget": 0.9}),
        lambda seed: numbers(seed, 5, B, D),
    ),
    "autoregressive forecaster": (
        lambda: nn.AutoregressiveForecaster(D, H, cell="rnn", num_layers=2, dropout=0.2),
        lambda seed: nn.one_step_ahead(random(seed).normal(size=(T + 1, B, D)), LENGTHS),
    ),
    "sequence to sequence": (lambda: nn.Seq2Seq(V, V, H, end=2, embedding_size=3, dropout=0.2), tags),
    "own": (own, tags),
}


def network(name: str, backend: str | None, dtype: str = "float32") -> nn.Model:
    if name == "language model":
        config = ModelConfig(V, H, V, num_layers=2, dropout=0.3, peephole=True, force={"output": 0.5}, dtype=dtype)
        return LanguageModel(config, seed=3, init="orthogonal", forget_bias=2.0, backend=backend)
    return NETWORKS[name][0]().build(seed=3, backend=backend, dtype=dtype)


def batch(name: str, seed: int) -> nn.Batch:
    return tags(seed) if name == "language model" else NETWORKS[name][1](seed)


@backends
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["language model", *NETWORKS])
def test_a_run_continues_to_the_bit(name: str, dtype: str, backend: str, tmp_path: Path) -> None:
    """Three steps, a file, three more: the weights, moments and losses of six steps in a row."""
    path = tmp_path / "network.safetensors"
    config = OptimizerConfig("adam", beta2=0.99, clip_norm=0.5)

    whole = network(name, backend, dtype)
    optimizer = nn.Optimizer(whole, config, lr=0.03)
    expected = nn.fit(whole, (batch(name, n) for n in range(6)), optimizer, seed=4)

    first = network(name, backend, dtype)
    first_optimizer = nn.Optimizer(first, config, lr=0.03)
    nn.fit(first, (batch(name, n) for n in range(3)), first_optimizer, seed=4)
    nn.save(path, first, first_optimizer)
    before = first.parameters.copy()
    nn.fit(first, (batch(name, n) for n in range(3)), first_optimizer, seed=4)  # the file has copies

    second = nn.load(path, classes=[Own], backend=backend)
    assert type(second) is type(whole) and second.backend == backend and second.dtype == dtype
    assert (repr(second) == repr(whole) or name == "own") and not second.training
    np.testing.assert_array_equal(second.parameters, before)
    resumed = nn.load_optimizer(path, second)
    assert resumed.steps == 3 and resumed.config == config and resumed.lr == 0.03
    result = nn.fit(second, (batch(name, n) for n in range(3, 6)), resumed, seed=4)
    np.testing.assert_array_equal(result.losses, expected.losses[3:])
    np.testing.assert_array_equal(result.norms, expected.norms[3:])
    np.testing.assert_array_equal(second.parameters, whole.parameters)
    np.testing.assert_array_equal(resumed.moments, optimizer.moments)


@pytest.mark.parametrize("name", ["language model", *NETWORKS])
def test_weights_lie_in_the_file_under_their_names(name: str, tmp_path: Path) -> None:
    path, model = tmp_path / "network.safetensors", network(name, None)
    nn.save(path, model)
    tensors = load_file(path)
    assert list(tensors) == sorted(model.weights())
    for key, view in model.weights().items():
        np.testing.assert_array_equal(tensors[key], view)
    assert model.weight_shapes() == {key: view.shape for key, view in model.weights().items()}


def test_a_file_in_place_of_an_older_one(tmp_path: Path) -> None:
    path, model = tmp_path / "network.safetensors", network("tagger", None)
    nn.save(path, model)
    content = path.read_bytes()
    model.parameters[3] = np.nan
    with pytest.raises(CheckpointError, match=r"not written, because reader\.rnn\.layers\.0\.W holds NaN"):
        nn.save(path, model)
    model.parameters[3] = 0
    with pytest.raises(CheckpointError, match="cannot be written: there is no directory"):
        nn.save(tmp_path / "none" / "network.safetensors", model)
    assert path.read_bytes() == content and [file.name for file in tmp_path.iterdir()] == [path.name]
    nn.save(path, model)
    np.testing.assert_array_equal(nn.load(path).parameters, model.parameters)


def test_a_learning_rate_that_is_a_function_is_handed_over_again(tmp_path: Path) -> None:
    path, model = tmp_path / "network.safetensors", network("tagger", None)
    nn.save(path, model, nn.Optimizer(model, lr=lambda step: 0.1 / step))
    with pytest.raises(CheckpointError, match=r"had a function as its learning rate.* hand it over as lr"):
        nn.load_optimizer(path, model)
    assert nn.load_optimizer(path, model, lr=0.5).lr == 0.5
    other = network("classifier", None)
    with pytest.raises(CheckpointError, match=r"training\.moments does not fit <Classifier"):
        nn.load_optimizer(path, other, lr=0.5)
    nn.save(path, model)
    with pytest.raises(CheckpointError, match="was saved without an optimizer"):
        nn.load_optimizer(path, model)
    with pytest.raises(ArgumentError, match=r"optimizer: got one of <Tagger.*, expected one of this"):
        nn.save(path, other, nn.Optimizer(model))


@pytest.mark.parametrize("vocabulary", [Vocabulary('aé\n"\N{GRINNING FACE}'), nn.WordVocabulary(["a", "b c", "é"])])
def test_a_vocabulary(vocabulary: Any, tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    nn.save(path, network("tagger", None), vocabulary=vocabulary)
    assert nn.load_vocabulary(path) == vocabulary
    nn.save(path, network("tagger", None))
    with pytest.raises(CheckpointError, match="was saved without a vocabulary"):
        nn.load_vocabulary(path)


# --------------------------------------------------------------------------------- what cannot be described


class Table(nn.Module):
    def __init__(self, table: Any) -> None:
        self.linear = nn.Linear(2, len(table))


@pytest.mark.parametrize("argument", [np.ones(3), {1: 2}, {1, 2}, "abc".upper])
def test_arguments_that_no_file_holds(argument: Any, tmp_path: Path) -> None:
    model = Table([1, 2]).build()
    model._arguments = ((argument,), {})
    kind = type(argument).__name__
    with pytest.raises(ArgumentError, match=f"Table: cannot be saved: argument 1 .* is a {kind}, expected numbers"):
        nn.save(tmp_path / "x.safetensors", model)
    assert not list(tmp_path.iterdir())


def test_parts_that_the_constructor_does_not_make(tmp_path: Path) -> None:
    model = nn.Tagger(V, H, 2)
    model.output = nn.Linear(H, 3)
    with pytest.raises(ArgumentError, match="Tagger: cannot be saved: its constructor, called as it was, makes other"):
        nn.save(tmp_path / "x.safetensors", model.build())


# ------------------------------------------------------------------------------------------- wrong files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path, model = tmp_path / "network.safetensors", network("tagger", None)
    nn.save(path, model, nn.Optimizer(model))
    return path


def changed(path: Path, change: Callable[[dict[str, Any], dict[str, np.ndarray]], object]) -> None:
    """Changes what is described, and the arrays."""
    with safe_open(path, "np") as file:
        metadata = {name: value for name, value in file.metadata().items() if name != "checksums"}
    contents, tensors = json.loads(metadata["contents"]), load_file(path)
    change(contents, tensors)
    save_file(tensors, path, {**metadata, "contents": json.dumps(contents)})


def loads_with(path: Path, message: str, **options: Any) -> None:
    with pytest.raises(CheckpointError) as error:
        nn.load(path, **options)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)
    assert message in str(error.value), error.value


def test_a_class_of_ones_own_is_never_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    nn.save(path, network("own", None))
    loads_with(path, "holds a Own, which is not of lstm_ext.nn: hand it over, classes=[Own]")
    loads_with(path, "holds a Own, which", classes=[Table])
    with pytest.raises(ArgumentError, match="classes: got <class 'int'>, expected classes of networks"):
        nn.load(path, classes=[int])  # type: ignore[list-item]

    class Tagger(nn.Tagger):
        """The library's name, but another class."""

    nn.save(path, Tagger(V, H, 2).build())
    loads_with(path, "holds a Tagger, which is not of lstm_ext.nn")
    assert type(nn.load(path, classes=[Tagger])) is Tagger


@pytest.mark.parametrize("name", ["nn.os", "os.system", "nn.Module", "builtins.eval", "nn.nn.Tagger", 3, None, []])
def test_names_of_other_things_make_nothing(name: Any, path: Path) -> None:
    changed(path, lambda contents, _: contents["network"].update({"class": name}))
    loads_with(path, "")


def test_files_that_are_damaged_or_of_another_kind(path: Path, tmp_path: Path) -> None:
    good = path.read_bytes()
    for content, message in (
        (b"", "is cut short, damaged or no network at all"),
        (good[:-8], "is cut short"),
        (good[: len(good) // 3], "is cut short"),
        (b"\xff" * 400, "is cut short, damaged"),
        (pickle.dumps({"a": 1}), "is cut short, damaged"),
    ):
        path.write_bytes(content)
        loads_with(path, message)
    save_file({"a": np.zeros(3)}, path)
    loads_with(path, "is a .safetensors file, but no network of lstm-lab")
    path.unlink()
    loads_with(path, "no such network")
    path.mkdir()
    loads_with(path, "is a directory, expected a network")


def set_to(*keys: str, value: Any) -> Callable[[Any, Any], None]:
    def change(contents: Any, _: Any) -> None:
        for key in keys[:-1]:
            contents = contents[key]
        contents[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c, t: t.pop("output.b"), "is damaged: 'output.b' is missing"),
        (lambda c, t: t.update({"output.b": t["output.b"][1:]}), "output.b is float32 (4,), expected float32 (5,)"),
        (lambda c, t: t.update({"output.b": t["output.b"].astype("f8")}), "output.b is float64 (5,), expected float32"),
        (lambda c, t: t.update({"more": t["output.b"]}), "is damaged: 'more' does not belong there"),
        (lambda c, t: t["output.b"].fill(np.nan), "is damaged: output.b holds NaN or infinity"),
        (lambda c, t: c.pop("network"), "is damaged: 'network' is missing"),
        (set_to("network", value=3), "is damaged"),
        (set_to("network", "arguments", value=[V, 10**9, V]), "expected float32 (4000000000, 1000000005)"),
        (set_to("network", "arguments", value=[V, H]), "is damaged"),
        (set_to("network", "keywords", "num_layers", value=10**9), "is damaged: 1000000000 layers, but 9 tensors"),
        (set_to("network", "keywords", "num_layers", value="two"), "is damaged"),
        (set_to("network", "keywords", "cell", value="conv"), "Tagger: cell: got 'conv', expected one of"),
        (set_to("network", "keywords", "speed", value=3), "Tagger: unknown keyword 'speed'"),
        (
            set_to("network", "keywords", "bidirectional", value="yes"),
            "bidirectional: got 'yes', expected True or False",
        ),
        (set_to("network", "keywords", "layer_norm", value=1), "layer_norm: got 1, expected True or False"),
        (set_to("network", "keywords", "dropout", value="0"), "dropout: got '0', expected a number"),
        (set_to("network", "arguments", value=[V, float(H), 5]), "hidden_size: got 4.0, expected an integer"),
        (lambda c, t: t.update({"training.moments": t["training.moments"][:1]}), "training.moments is float32 (1, "),
        (set_to("dtype", value="float16"), "dtype: got 'float16', did you mean 'float64'?"),
        (set_to("dtype", value="object"), "is damaged"),
    ],
)
def test_descriptions_and_arrays_that_do_not_fit(change: Callable[[Any, Any], Any], message: str, path: Path) -> None:
    changed(path, change)
    loads_with(path, message)


def test_a_description_that_is_nested_without_end(path: Path) -> None:
    with safe_open(path, "np") as file:
        metadata = file.metadata()
    save_file(load_file(path), path, {**metadata, "contents": "[" * 100_000 + "]" * 100_000})
    loads_with(path, "is damaged: its description is not JSON")


def test_a_language_model_is_judged_before_it_has_weights(tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    nn.save(path, network("language model", None))
    changed(path, lambda contents, _: contents["network"]["arguments"][0]["values"]["dict"].update(hidden_size=10**8))
    loads_with(path, "layers.0.W is float32 (16, 9), expected float32 (400000000, 100000005)")


def test_a_part_by_itself_is_saved_too(tmp_path: Path) -> None:
    path, part = tmp_path / "part.safetensors", nn.Recurrent("gru", 3, 4, num_layers=2).build(seed=1)
    nn.save(path, part)
    x = np.ones((2, 1, 3), np.float32)
    np.testing.assert_array_equal(nn.load(path).forward(x), part.forward(x))
