"""The random numbers that both engines share, against published values and plain Python integers."""

from __future__ import annotations

import numpy as np
import pytest
import reference

from lstm_ext.engine import rng

pytestmark = pytest.mark.filterwarnings("error")


def test_seed_zero_gives_the_published_numbers_of_splitmix64() -> None:
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC]
    assert rng.mix(0) == 0  # so that seed 0's key is 0, the plain generator
    assert rng.uniforms(0, 0, 4).tolist() == [(z >> 11) / 2**53 for z in published]


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**63, 2**64 - 1, -1])
def test_uniforms_can_be_had_from_anywhere(seed: int) -> None:
    expected = [reference.uniform(seed, n) for n in range(20)]
    assert rng.uniforms(seed, 0, 20).tolist() == expected
    assert rng.uniforms(seed, 7, 13).tolist() == expected[7:]
    assert rng.uniforms(seed, 2**62, 1).tolist() == [reference.uniform(seed, 2**62)]


def test_keys_are_hashes_of_seed_and_step() -> None:
    for seed, step in ((0, 0), (0, 1), (3, 10**6), (2**64 - 1, 2)):
        assert rng.dropout_key(seed, step) == reference.mix(reference.mix(seed) + step)
    assert rng.mix(2**64 + 5) == rng.mix(5) == reference.mix(5)


@pytest.mark.parametrize("p", [0.0, 0.25, 0.3, 0.999])
def test_dropout_mask(p: float) -> None:
    key = rng.dropout_key(3, 17)
    for layer in (0, 2):
        mask = rng.dropout_mask(key, layer, p, (3, 2, 5), np.dtype("float64"))
        np.testing.assert_array_equal(mask, reference.dropout_mask(key, layer, p, (3, 2, 5)))
    assert rng.dropout_mask(key, 0, p, (3, 2, 5), np.dtype("float32")).dtype == np.float32


def test_dropout_keeps_the_mean() -> None:
    mask = rng.dropout_mask(1, 0, 0.3, (50, 10, 200), np.dtype("float64"))
    assert mask.mean() == pytest.approx(1.0, abs=0.01)
