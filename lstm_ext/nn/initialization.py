"""How weights start, by name.

============  =================================================================================
uniform       W uniform in ±1/√H, as in PyTorch
xavier        each gate's W (H, H+D) uniform in ±√(6/(fan_in + fan_out)), its fans being H+D and H
              (Glorot and Bengio 2010)
orthogonal    each gate's recurrent part (H, H) orthogonal (Saxe et al. 2014), its input part
              (H, D) as in ``xavier``, with fans D and H
chrono:T      W uniform in ±1/√H; biases for memories of up to T steps (Tallec and Ollivier 2018):
              LSTM  b_f = ln u, b_i = −b_f with u uniform in [1, T−1], for each unit its own;
              GRU   b_z = −ln u, because z is the share of what is new here; so with others that
              have a z
============  =================================================================================

All other biases are 0, but for the LSTM's forget gate, which starts at ``forget_bias`` (Gers et al.
2000) unless chrono decides; peepholes are normal with deviation 0.1. A network's other matrices
(output, attention) are uniform in ±1/√fan_in under ``uniform`` and ``chrono``, else as in ``xavier``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..arguments import checked
from ..cells import CELLS, CellName
from ..cells.config import LayerConfig
from ..errors import ArgumentError

NAMES = ("uniform", "xavier", "orthogonal", "chrono:T")


def check_init(init: str, cell: CellName | None = None) -> None:
    """Raises ArgumentError for an unknown name, and for chrono with a cell that has no gate for it."""
    if _scheme(init)[0] == "chrono" and cell is not None and not CELLS[cell].chrono:
        takers = " and ".join(repr(name) for name, other in CELLS.items() if other.chrono)
        raise ArgumentError(f"init: got {init!r} for cell {cell!r}, expected it only for {takers}")


@checked
def initialize_layer(
    config: LayerConfig,
    parameters: Mapping[str, np.ndarray],
    rng: np.random.Generator,
    init: str = "uniform",
    forget_bias: float = 1.0,
) -> None:
    """Fills one layer's Wt, b and peephole, shaped as in ``config.parameter_shapes()``.

    ``forget_bias`` concerns LSTMs only. Raises ArgumentError as ``check_init`` does.
    """
    check_init(init, config.cell)
    scheme, span = _scheme(init)
    cell, h, d = CELLS[config.cell], config.hidden_size, config.input_size
    meets_h = config.recurrent_rows
    Wt, b = parameters["Wt"], parameters["b"]
    if scheme in ("uniform", "chrono"):
        Wt[...] = _uniform(rng, 1.0 / np.sqrt(h), Wt.shape)
    elif scheme == "xavier":
        Wt[...] = _uniform(rng, _glorot(len(Wt), h), Wt.shape)
    else:
        for gate in range(config.blocks if meets_h else 0):
            Wt[:h, gate * h : (gate + 1) * h] = _orthogonal(rng, h)
        Wt[meets_h:] = _uniform(rng, _glorot(d, h), Wt[meets_h:].shape)

    b[...] = 0
    biases = {block.name: b[k * h : (k + 1) * h] for k, block in enumerate(cell.blocks)}
    if scheme == "chrono":
        log_times = np.log(rng.uniform(1.0, span - 1.0, h))
        for name, sign in cell.chrono.items():
            biases[name][...] = sign * log_times
    elif cell.forget_block:
        biases[cell.forget_block][...] = forget_bias
    if config.peephole:
        parameters["peephole"][...] = 0.1 * rng.standard_normal((3, h))


@checked
def initialize_matrix(W: np.ndarray, rng: np.random.Generator, init: str = "uniform") -> None:
    """Fills W (outputs, inputs) of a layer without recurrence."""
    scheme, _ = _scheme(init)
    outputs, inputs = W.shape
    bound = 1.0 / np.sqrt(inputs) if scheme in ("uniform", "chrono") else _glorot(inputs, outputs)
    W[...] = _uniform(rng, bound, W.shape)


def _scheme(init: str) -> tuple[str, int]:
    """The name, and chrono's T (0 otherwise)."""
    scheme, colon, span = init.partition(":")
    if scheme == "chrono" and span.isdecimal() and int(span) >= 2:
        return scheme, int(span)
    if colon or scheme not in ("uniform", "xavier", "orthogonal"):
        raise ArgumentError(
            f"init: got {init!r}, expected one of {', '.join(NAMES)}, T being the longest memory in steps, at least 2"
        )
    return scheme, 0


def _glorot(fan_in: int, fan_out: int) -> float:
    return float(np.sqrt(6.0 / (fan_in + fan_out)))


def _uniform(rng: np.random.Generator, bound: float, shape: tuple[int, ...]) -> np.ndarray:
    return rng.uniform(-bound, bound, shape)


def _orthogonal(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n, n), uniformly among all orthogonal matrices: Q of a normal matrix, once R's diagonal is positive."""
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return q
