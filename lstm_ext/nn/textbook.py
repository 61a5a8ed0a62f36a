"""LSTM, GRU and RNN as a textbook writes them: one layer, one sequence, one name for each gate.

    lstm = LSTM(input_size=vocab_size, hidden_size=64, output_size=vocab_size, seed=0)
    loss = lstm.forward(inputs, targets, h_prev, C_prev)     # mean nats per symbol
    dh_next, dC_next = lstm.backward()
    lstm.update_weights(learning_rate=0.001)
    h_prev, C_prev = lstm.h_states[-1].copy(), lstm.C_states[-1].copy()

Each weight has the textbook's name and is a view of the array that the engine works with: writing into it,
or assigning to it, takes effect at once. ``lstm.model`` is the ``LanguageModel`` underneath, for traces,
checkpoints and everything else for which a textbook has no name. Stacked layers,
batches and the cells' options are there and in ``lstm_ext.nn.functional``.
"""

from __future__ import annotations

import copy
import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar, cast, overload

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Count, Seed, Size, checked, named_errors
from ..cells import CELLS, CellName
from ..cells.activations import Activations
from ..engine.config import DtypeName, ModelConfig, OptimizerConfig, OptimizerName
from ..errors import ArgumentError, StateError
from .language_model import LanguageModel

_N = TypeVar("_N", bound="_Network")


class _View:
    """An attribute that is a writable view of a parameter or its gradient: of one row block, or of all of it.

    Reading gives the view; assigning copies into it, for which the shape must be the same.
    """

    def __init__(self, array: str, block: str = "", *, gradient: bool = False) -> None:
        self._array, self._block, self._gradient = array, block, gradient

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, network: None, owner: type) -> _View: ...
    @overload
    def __get__(self, network: _Network, owner: type) -> np.ndarray: ...
    def __get__(self, network: _Network | None, owner: type) -> _View | np.ndarray:
        if network is None:
            return self
        model = network.model
        array = (model.gradients() if self._gradient else model.weights())[self._array]
        if not self._block:
            return array
        blocks = [block.name for block in CELLS[model.config.cell].blocks]
        start = blocks.index(self._block) * network.hidden_size
        return array[start : start + network.hidden_size]

    def __set__(self, network: _Network, value: ArrayLike) -> None:
        view = self.__get__(network, type(network))
        if np.shape(value) != view.shape:
            raise ArgumentError(f"{self._name}: got shape {np.shape(value)}, expected {view.shape}")
        view[...] = value


@named_errors
class _Network:
    """The base of LSTM, GRU and RNN."""

    _cell: ClassVar[CellName]
    #: The row blocks of W in ``gates``, in the order in which a textbook has them.
    _gates: ClassVar[str]

    Wy = _View("output.W")
    by = _View("output.b")
    dWy = _View("output.W", gradient=True)
    dby = _View("output.b", gradient=True)

    #: The network underneath. Do not let it run (trace, evaluate) between ``forward`` and ``backward``.
    model: LanguageModel

    def __init__(
        self,
        input_size: Size,
        hidden_size: Size,
        output_size: Size,
        *,
        seed: Seed | None = None,
        init: str = "uniform",
        dtype: DtypeName = "float64",
        backend: str | None = None,
        optimizer: OptimizerName = "adam",
        clip: float = 5.0,
    ) -> None:
        config = ModelConfig(
            cell=self._cell,
            input_size=_integer("input_size", input_size, 1),
            hidden_size=_integer("hidden_size", hidden_size, 1),
            output_size=_integer("output_size", output_size, 1),
            dtype=dtype if isinstance(dtype, str) else cast(DtypeName, np.dtype(dtype).name),
        )
        if not 0 <= clip < math.inf:
            raise ArgumentError(f"clip: got {clip!r}, expected a number of at least 0")
        self._optimizer = OptimizerConfig(kind=optimizer, clip_norm=0.0, clip_value=clip)
        self._seed = int(np.random.randint(2**31)) if seed is None else _integer("seed", seed, 0)
        self.model = LanguageModel(config, seed=self._seed, init=init, backend=backend)
        self._moments = np.zeros((2, config.num_parameters), dtype=config.dtype)
        self._updates = 0
        self._drawn = 0  # how many of the seed's random numbers sampling has used
        self._has_run = False
        self._dstate: np.ndarray | None = None  # what the last backward returned; None since the last forward
        layer = config.layers()[0]
        before = np.zeros((1, 1, self.hidden_size), dtype=config.dtype)
        none = np.zeros((0, 1, layer.blocks, self.hidden_size), dtype=config.dtype)
        self._acts = Activations(layer, x=None, lengths=None, h=before, c=before, gates=none, extra=None)

    @property
    def input_size(self) -> int:
        return self.model.config.input_size

    @property
    def hidden_size(self) -> int:
        return self.model.config.hidden_size

    @property
    def output_size(self) -> int:
        return self.model.config.output_size

    @property
    def h_states(self) -> np.ndarray:
        """(T, H): h_1 … h_T of the last ``forward``, so that h_states[-1] is the final one; T = 0 before the first."""
        return self._acts.output[:, 0]

    @property
    def gates(self) -> dict[str, np.ndarray]:
        """The gates of the last ``forward`` by name, after their σ or tanh: (T, H) each."""
        titles = {block.name: block.title for block in CELLS[self._cell].blocks}
        return {titles[name]: self._acts.blocks[name][:, 0] for name in self._gates}

    @staticmethod
    @checked
    def sigmoid(x: ArrayLike) -> np.ndarray:
        """σ(x) = 1 / (1 + e^−x), of numbers or arrays of any size, without overflow."""
        y: np.ndarray = np.exp(-np.logaddexp(0, np.negative(x)))
        return y

    def update_weights(self, learning_rate: float = 0.001) -> float:
        """One step of the optimizer along the gradients (dWf, …) of the last ``backward``.

        First each entry of the gradients is limited to ±clip. The optimizer's moments (for "adam", running
        means of the gradient and of its square) start at 0 with the network and continue from call to call.
        Returns the norm of the whole gradient before clipping. Raises NonFiniteError, and changes nothing,
        if that norm is infinite or NaN; StateError without a new gradient; ArgumentError for a negative rate.
        """
        if self._dstate is None:
            raise StateError("update_weights: there is no new gradient yet, call backward() first")
        if not 0 <= learning_rate < math.inf:
            raise ArgumentError(f"learning_rate: got {learning_rate!r}, expected a number of at least 0")
        norm = self.model.engine.update(self._optimizer, self._moments, self._updates + 1, float(learning_rate))
        self._updates += 1
        return norm

    def sample(
        self,
        idx_to_char: Mapping[int, str] | Sequence[str],
        seed_idx: int,
        length: Count = 200,
        temperature: float = 0.8,
    ) -> str:
        """``length`` characters that the network makes up after the symbol ``seed_idx``.

        It starts from a zero state, and feeds ``seed_idx``, then each symbol that it drew from
        softmax(logits / temperature); temperature 0 always takes the likeliest. ``idx_to_char``
        (a dict or a list) turns them into characters. Each call draws new ones; networks with the same
        seed and history draw the same. Raises ArgumentError for arguments out of range.
        """
        if self.output_size != self.input_size:
            raise ArgumentError(
                f"sample: got output_size {self.output_size} and input_size {self.input_size}, "
                "expected them equal, since what is drawn is fed back"
            )
        length = _integer("length", length, 0)
        seed_idx = _integer("seed_idx", seed_idx, 0)
        if seed_idx >= self.input_size:
            raise ArgumentError(f"seed_idx: got {seed_idx}, expected 0 to {self.input_size - 1}")
        if not 0 <= temperature < math.inf:
            raise ArgumentError(f"temperature: got {temperature!r}, expected a number of at least 0")
        try:
            characters = [idx_to_char[symbol] for symbol in range(self.output_size)]
        except LookupError:
            raise ArgumentError(
                f"idx_to_char: got {len(idx_to_char)} characters, "
                f"expected one for each symbol from 0 to {self.output_size - 1}"
            ) from None
        drawn = self.model.engine.sample(
            self.model.zero_state(), seed_idx, length, temperature=temperature, seed=self._seed, offset=self._drawn
        )
        self._drawn += length
        return "".join(characters[symbol] for symbol in drawn)

    def _forward(
        self, inputs: Sequence[int] | np.ndarray, targets: Sequence[int] | np.ndarray, **states: ArrayLike | None
    ) -> float:
        """Run the network from ``states`` (named for messages; None is zeros)."""
        symbols = _symbols("inputs", inputs, self.input_size)
        wanted = _symbols("targets", targets, self.output_size)
        if len(symbols) != len(wanted):
            raise ArgumentError(f"targets: got {len(wanted)} symbols, expected {len(symbols)}, one for each of inputs")
        state = self.model.zero_state()
        for index, (name, value) in enumerate(states.items()):
            if value is not None:
                if np.shape(value) != (self.hidden_size,):
                    raise ArgumentError(f"{name}: got shape {np.shape(value)}, expected (H,) = ({self.hidden_size},)")
                state[0, index, 0] = value
        self._dstate = None
        loss = self.model.engine.forward(symbols, wanted, state)
        self._has_run = True
        self._acts = self.model.engine.activations(0)  # now, for backward may reuse the engine's memory
        return loss

    def _backward(self) -> tuple[np.ndarray, ...]:
        """Gradients with respect to the initial state's arrays, (H,) each."""
        if not self._has_run:
            raise StateError("backward: there is nothing to go back through yet, call forward(…) first")
        if self._dstate is None:
            self._dstate = self.model.engine.backward()[0, :, 0]
        return tuple(self._dstate.copy())

    def __deepcopy__(self: _N, memo: dict[int, Any]) -> _N:
        """A new network with the same weights, moments and random numbers, which has not run yet."""
        twin = copy.copy(self)
        twin.model = copy.deepcopy(self.model)
        twin._moments = self._moments.copy()
        twin._has_run, twin._dstate = False, None
        return twin

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(input_size={self.input_size}, hidden_size={self.hidden_size}, "
            f"output_size={self.output_size}, dtype={self.model.config.dtype!r}, backend={self.model.backend!r})"
        )


class LSTM(_Network):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000), and a softmax.

        f = σ(Wf·[h, x] + bf)        C ← f⊙C + i⊙C̃
        i = σ(Wi·[h, x] + bi)        h ← o⊙tanh(C)
        C̃ = tanh(Wc·[h, x] + bc)
        o = σ(Wo·[h, x] + bo)        p = softmax(Wy·h + by)

    x is the one-hot vector of a symbol. Wf, Wi, Wc, Wo are (H, H+D), their columns [h, x]; bf, bi,
    bc, bo (H,); Wy (V, H), by (V,); their gradients are dWf, …, dby. H, D and V are ``hidden_size``,
    ``input_size`` and ``output_size``. Weights start uniform in ±1/√H, biases at 0, but bf at 1, so
    that it remembers at first; ``init`` names other ways to start, see ``initialization``.

    ``seed`` decides the initial weights and all sampling. Without one it is drawn from NumPy's
    global generator, so that ``np.random.seed(42)`` at the top makes a notebook repeat itself.
    ``dtype`` is "float64" or "float32", ``backend`` "c", "numpy" or None for the default,
    ``optimizer`` "adam", "rmsprop", "adagrad" or "sgd", with the formulas of ``OptimizerConfig``.
    ``clip`` limits each entry of a gradient to ±clip; 0 does not. Errors in arguments are
    ValueErrors of one line.
    """

    _cell = "lstm"
    _gates = "figo"

    Wf, bf = _View("layers.0.W", "f"), _View("layers.0.b", "f")
    Wi, bi = _View("layers.0.W", "i"), _View("layers.0.b", "i")
    Wc, bc = _View("layers.0.W", "g"), _View("layers.0.b", "g")
    Wo, bo = _View("layers.0.W", "o"), _View("layers.0.b", "o")
    dWf, dbf = _View("layers.0.W", "f", gradient=True), _View("layers.0.b", "f", gradient=True)
    dWi, dbi = _View("layers.0.W", "i", gradient=True), _View("layers.0.b", "i", gradient=True)
    dWc, dbc = _View("layers.0.W", "g", gradient=True), _View("layers.0.b", "g", gradient=True)
    dWo, dbo = _View("layers.0.W", "o", gradient=True), _View("layers.0.b", "o", gradient=True)

    @property
    def C_states(self) -> np.ndarray:
        """(T, H): C_1 … C_T of the last ``forward``, so that C_states[-1] is the final one; T = 0 before the first."""
        return self._acts.c_output[:, 0]

    def forward(
        self,
        inputs: Sequence[int] | np.ndarray,
        targets: Sequence[int] | np.ndarray,
        h_prev: ArrayLike | None = None,
        C_prev: ArrayLike | None = None,
    ) -> float:
        """Mean of −ln p[target] over the T symbols, in nats.

        ``inputs`` and ``targets``: T symbols each, 0 … D−1 and 0 … V−1. ``h_prev``, ``C_prev`` (H,): the
        state before the first one, by default zeros. Afterwards ``h_states``, ``C_states`` and
        ``gates`` (forget, input, candidate, output) hold what happened at each step.
        """
        return self._forward(inputs, targets, h_prev=h_prev, C_prev=C_prev)

    def backward(self) -> tuple[np.ndarray, np.ndarray]:
        """Gradients of the last ``forward``'s loss, by backpropagation through time.

        Those of the weights go into dWf, …, dby and replace older ones. Returns those of the
        initial state, (∂L/∂h_prev, ∂L/∂C_prev), (H,) each. Calling it again changes nothing.
        """
        dh_prev, dC_prev = self._backward()
        return dh_prev, dC_prev


class GRU(_Network):
    """Gated recurrent unit (Cho et al. 2014), and a softmax; everything else is as in ``LSTM``.

        r = σ(Wr·[h, x] + br)        h̃ = tanh(Wh·[r⊙h, x] + bh)
        z = σ(Wz·[h, x] + bz)        h ← (1−z)⊙h + z⊙h̃            p = softmax(Wy·h + by)

    z is the share of what is new. (PyTorch's z is 1 − z here, and it resets after the product:
    see ``gru_forward``.)
    """

    _cell = "gru"
    _gates = "rzn"

    Wr, br = _View("layers.0.W", "r"), _View("layers.0.b", "r")
    Wz, bz = _View("layers.0.W", "z"), _View("layers.0.b", "z")
    Wh, bh = _View("layers.0.W", "n"), _View("layers.0.b", "n")
    dWr, dbr = _View("layers.0.W", "r", gradient=True), _View("layers.0.b", "r", gradient=True)
    dWz, dbz = _View("layers.0.W", "z", gradient=True), _View("layers.0.b", "z", gradient=True)
    dWh, dbh = _View("layers.0.W", "n", gradient=True), _View("layers.0.b", "n", gradient=True)

    def forward(
        self,
        inputs: Sequence[int] | np.ndarray,
        targets: Sequence[int] | np.ndarray,
        h_prev: ArrayLike | None = None,
    ) -> float:
        """As ``LSTM.forward``, with ``h_prev`` (H,); ``gates`` are reset, update and candidate."""
        return self._forward(inputs, targets, h_prev=h_prev)

    def backward(self) -> np.ndarray:
        """As ``LSTM.backward``; returns ∂L/∂h_prev (H,)."""
        return self._backward()[0]


class RNN(_Network):
    """Plain recurrent network (Elman 1990), and a softmax; everything else is as in ``LSTM``.

    h ← tanh(Wh·[h, x] + bh)        p = softmax(Wy·h + by)
    """

    _cell = "rnn"
    _gates = ""

    Wh, bh = _View("layers.0.W", "h"), _View("layers.0.b", "h")
    dWh, dbh = _View("layers.0.W", "h", gradient=True), _View("layers.0.b", "h", gradient=True)

    def forward(
        self,
        inputs: Sequence[int] | np.ndarray,
        targets: Sequence[int] | np.ndarray,
        h_prev: ArrayLike | None = None,
    ) -> float:
        """As ``LSTM.forward``, with ``h_prev`` (H,); there are no ``gates``."""
        return self._forward(inputs, targets, h_prev=h_prev)

    def backward(self) -> np.ndarray:
        """As ``LSTM.backward``; returns ∂L/∂h_prev (H,)."""
        return self._backward()[0]


def _integer(name: str, value: int, smallest: int) -> int:
    """``value`` as an int; NumPy's integers are accepted."""
    try:
        number = operator.index(value)
    except TypeError:
        number = smallest - 1
    if number < smallest or isinstance(value, bool):
        raise ArgumentError(f"{name}: got {value!r}, expected an integer of at least {smallest}")
    return number


def _symbols(name: str, symbols: Sequence[int] | np.ndarray, bound: int) -> np.ndarray:
    """(T, 1) int32."""
    try:
        array = np.asarray(symbols)
    except ValueError:
        raise ArgumentError(f"{name}: got nested lists, expected a list of symbols") from None
    if array.ndim != 1 or array.size == 0:
        raise ArgumentError(f"{name}: got shape {array.shape}, expected (T,) with at least one symbol")
    if array.dtype.kind not in "iu":
        raise ArgumentError(f"{name}: got {array.dtype} values, expected integers from 0 to {bound - 1}")
    outside = (array < 0) | (array >= bound)
    if outside.any():
        position = int(np.argmax(outside))
        raise ArgumentError(f"{name}: got {array[position]} at position {position}, expected 0 to {bound - 1}")
    return array.astype(np.int32)[:, None]
