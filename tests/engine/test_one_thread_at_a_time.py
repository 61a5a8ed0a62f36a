"""One engine, several threads, and forks of all this: served or refused, never a hang or foreign memory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lstm_ext import LanguageModel, ModelConfig, OptimizerConfig, StateError, Text, Trainer, TrainerConfig
from lstm_ext.engine.backend import available_backends
from lstm_ext.engine.interface import Training
from lstm_ext.engine.stop import StopFlag

CONFIG = ModelConfig(6, 8, 6, num_layers=2, dtype="float64")
X = np.random.default_rng(2).integers(0, 6, (9, 4)).astype(np.int32)
MOMENTS = np.zeros((2, CONFIG.num_parameters))

#: Everything that an engine does.
CALLS: dict[str, Callable[[Any, LanguageModel], object]] = {
    "forward": lambda engine, model: engine.forward(X, X, model.zero_state(4)),
    "logits": lambda engine, model: engine.logits(),
    "activations": lambda engine, model: engine.activations(0),
    "backward": lambda engine, model: engine.backward(),
    "update": lambda engine, model: engine.update(OptimizerConfig(), MOMENTS.copy(), 1, 0.1),
    "train": lambda engine, model: engine.train(X[None], X[None], model.zero_state(4), training(1)),
    "sample": lambda engine, model: engine.sample(model.zero_state(), 1, 5),
    "held": lambda engine, model: engine.held().__enter__(),
}


def training(steps: int) -> Training:
    return Training(OptimizerConfig(), MOMENTS.copy(), 1, np.full(steps, 1e-3), 0)


def elsewhere(function: Callable[[], object]) -> BaseException | None:
    """Calls it in another thread; returns its error."""
    errors: list[BaseException | None] = []

    def call() -> None:
        try:
            function()
            errors.append(None)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    return errors[0]


@pytest.mark.parametrize("backend", available_backends())
@pytest.mark.parametrize("name", CALLS)
def test_a_held_engine_serves_its_thread_and_refuses_others(backend: str, name: str) -> None:
    model = LanguageModel(CONFIG, backend=backend, threads=2)
    weights = model.parameters.copy()
    model.engine.forward(X, X, model.zero_state(4))
    with model.engine.held(), model.engine.held():
        error = elsewhere(lambda: CALLS[name](model.engine, model))
        assert isinstance(error, StateError)
        assert "another thread" in str(error)
        np.testing.assert_array_equal(model.parameters, weights)
        if name != "held":
            CALLS[name](model.engine, model)
    model.engine.forward(X, X, model.zero_state(4))
    assert elsewhere(lambda: CALLS[name](model.engine, model)) is None


@pytest.mark.parametrize("backend", available_backends())
def test_two_threads_in_one_model_each_get_the_right_answer_or_a_refusal(backend: str) -> None:
    """Without the engine's flag: SIGSEGV, for the second forward frees the memory of the first."""
    model = LanguageModel(CONFIG, backend=backend)
    texts = [np.arange(n) % 6 for n in (5, 300, 40)]
    expected = [model.probabilities(text) for text in texts]
    served, refused, wrong = [0] * 3, [0] * 3, []
    end = threading.Event()

    def ask(n: int) -> None:
        while not end.is_set():
            try:
                same = np.array_equal(model.probabilities(texts[n]), expected[n])
            except StateError:
                refused[n] += 1
            else:
                served[n] += 1
                if not same:
                    wrong.append(n)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    while (sum(served) < 40 or not sum(refused)) and time.monotonic() < deadline:
        time.sleep(0.01)
    end.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert sum(served) >= 40 and sum(refused)


@pytest.mark.parametrize("backend", available_backends())
def test_an_engine_that_is_let_go_while_it_trains_trains_to_the_end(backend: str) -> None:
    model, flag = LanguageModel(CONFIG, backend=backend, threads=2), StopFlag()
    inputs = np.zeros((100_000, 9, 4), np.int32)
    done: list[int] = []

    def train(engine: Any) -> None:
        done.append(engine.train(inputs, inputs, model.zero_state(4), training(len(inputs)), flag).done)

    thread = threading.Thread(target=train, args=(model.engine,))
    thread.start()
    until_busy(model.engine)
    model.use(model.engine_module)  # the old engine now belongs to the thread alone
    flag.set()
    thread.join()
    assert len(done) == 1
    assert np.isfinite(model.loss(X, None, X))


def until_busy(engine: Any) -> None:
    while True:
        try:
            with engine.held():
                pass
        except StateError:
            return
        time.sleep(0.001)


def test_a_network_in_training_is_refused_and_its_copies_are_served() -> None:
    text = Text.from_string("the cat sat on the mat. " * 30)
    size = len(text.vocabulary)
    model = LanguageModel(ModelConfig(size, 16, size))
    trainer = Trainer(model, text, TrainerConfig(seq_length=8, batch_size=4))
    trainer.start()
    try:
        until_busy(model.engine)
        for call in (
            lambda: trainer.model.probabilities([0, 1]),
            lambda: model.sample([0], 5),
            lambda: model.loss([[0]], None, [[1]]),
        ):
            with pytest.raises(StateError, match=r"another thread.*trainer\.best_model\(\)"):
                call()
        probabilities = trainer.best_model().probabilities([0, 1])
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
        assert trainer.submit(lambda model: model.probabilities([0, 1])).result(60).shape == (2, size)
    finally:
        trainer.stop(wait=True)
    assert trainer.error is None and trainer.snapshot().status == "stopped"
    assert model.probabilities([0, 1]).shape == (2, size)


FORKED = """
import os, signal, sys, threading, time
import numpy as np
from lstm_ext import LanguageModel, ModelConfig, OptimizerConfig, StateError
from lstm_ext.cells.config import LayerConfig
from lstm_ext.engine.backend import engine_module
from lstm_ext.engine.interface import Training
from lstm_ext.engine.stop import StopFlag
from lstm_ext.verify.cases import random_layer

x = np.random.default_rng(0).integers(0, 20, (20, 8)).astype(np.int32)

def network():
    return LanguageModel(ModelConfig(20, 64, 20, dtype="float64"), backend=sys.argv[1], threads=2)

def train(model, steps=3, stop=None):
    inputs = np.broadcast_to(x, (steps, *x.shape))
    settings = Training(OptimizerConfig(), np.zeros((2, len(model.parameters))), 1, np.full(steps, 1e-3), 0)
    return model.engine.train(inputs, inputs, model.zero_state(8), settings, stop).losses

def in_child(work):
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        code = 1
        try:
            code = 0 if work() else 2
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]

def busy(engine):
    try:
        with engine.held():
            return False
    except StateError:
        return True
"""

CASES = {
    "use": """
model = network()
before = model.loss(x, None, x)
print(in_child(lambda: model.loss(x, None, x) == before), model.loss(x, None, x) == before)
""",
    "free": """
model = network()
model.loss(x, None, x)
def work():
    global model
    del model
    return True
print(in_child(work), True)
""",
    "train": """
model, other = network(), network()
print(in_child(lambda: np.array_equal(train(model), train(network()))), np.array_equal(train(model), train(other)))
""",
    "within held": """
model = network()
with model.engine.held():
    print(in_child(lambda: train(model).size == 3), train(model).size == 3)
""",
    "during a call of another thread": """
model, flag = network(), StopFlag()
thread = threading.Thread(target=train, args=(model, 100_000, flag))
thread.start()
while not busy(model.engine):
    time.sleep(0.001)
def work():
    global model
    try:
        model.loss(x, None, x)
        return False
    except StateError:
        pass
    if not 0 < model.copy().loss(x, None, x) < 10:
        return False
    del model
    return network().loss(x, None, x) > 0
codes = [in_child(work) for _ in range(5)]
flag.set()
thread.join()
print(sum(codes), model.loss(x, None, x) < 10)
""",
    "while another thread is in a layer's pool": """
engine = engine_module(sys.argv[1], threads=2)
case = random_layer(LayerConfig("lstm", 31, 70), 23, 16, seed=1)
expected, end = case.results(engine), threading.Event()
def again():
    while not end.is_set():
        case.results(engine)
thread = threading.Thread(target=again)
thread.start()
def work():
    results = case.results(engine)
    return all(np.array_equal(results[name], array) for name, array in expected.items())
codes = [in_child(work) for _ in range(5)]
end.set()
thread.join()
print(sum(codes), work())
""",
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.parametrize("backend", available_backends())
@pytest.mark.parametrize("case", CASES)
def test_a_forked_child_computes_or_refuses_and_never_hangs(backend: str, case: str) -> None:
    """It has none of its parent's other threads, and the bits are those with them."""
    command = [sys.executable, "-W", "ignore", "-c", FORKED + CASES[case], backend]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout == "0 True\n", done.stderr
