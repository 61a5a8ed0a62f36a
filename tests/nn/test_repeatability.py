"""A network's numbers are its engine's alone: how many threads NumPy's BLAS has decides no bit of them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lstm_ext.engine.backend import available_backends

TRAIN = """
import hashlib
import numpy as np
from lstm_ext import nn

rng = np.random.default_rng(0)
T, B, D, H = 60, 64, 40, 128

def trained(network, targets):
    network.build(seed=1, backend="c")
    optimizer = nn.Optimizer(network)
    for _ in range(2):
        loss, gradient = network.compare(inputs, None, targets)
        network.backward(gradient)
        optimizer.step()
    return hashlib.sha256(network.parameters.tobytes()).hexdigest()

inputs = rng.normal(size=(T, B, D)).astype(np.float32)
print(trained(nn.AutoregressiveForecaster(D, H), inputs))
print(trained(nn.Classifier(D, H, 10, pooling="attention"), np.arange(B) % 10))
"""


@pytest.mark.skipif("c" not in available_backends(), reason="the C core was not built")
def test_blas_and_its_threads_have_no_part_in_training() -> None:
    hashes = set()
    for threads in ("1", "2"):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        command = [sys.executable, "-c", TRAIN]
        hashes.add(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(hashes) == 1
