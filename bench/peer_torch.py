"""PyTorch as a contender: the training loop that people write, without needless work.

nn.LSTM, nn.GRU or nn.RNN on one-hot input, a linear layer, cross-entropy, clip_grad_norm_, Adam.
One-hot vectors are read from an identity matrix, which is cheaper than ``one_hot(x).float()``.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from lstm_ext.cells import CELLS
from lstm_ext.engine.config import ModelConfig

from .problem import LEARNING_RATE, OPTIMIZER, Problem
from .rows import SAMPLE_LENGTH, VOCABULARY


class Network:
    """The recurrent layers and the linear layer on top, with the problem's weights.

    What torch calls bias_hh is 0 but for a GRU's candidate, where it is our recurrent bias. Its
    z is our 1 − z, so the rows of z change sign. A textbook GRU cannot be expressed; it gets the
    same weights without the recurrent bias, and computes something near it.
    """

    def __init__(self, problem: Problem) -> None:
        config = problem.config
        self.config = config
        layer_class = getattr(nn, CELLS[config.cell].counterparts["PyTorch"].layer)
        self.layers = layer_class(VOCABULARY, config.hidden_size, num_layers=config.num_layers)
        self.output = nn.Linear(config.hidden_size, VOCABULARY)
        weights = problem.weights()
        with torch.no_grad():
            for index, layer in enumerate(config.layers()):
                Wt, b = weights[f"layers.{index}.Wt"], weights[f"layers.{index}.b"]
                h, rows = layer.hidden_size, layer.blocks * layer.hidden_size
                b_hh = np.zeros(rows, b.dtype)
                if layer.reset_after:
                    b_hh[2 * h :] = b[rows:]
                for name, array in {
                    "weight_hh": Wt[:h].T,
                    "weight_ih": Wt[h:].T,
                    "bias_ih": b[:rows],
                    "bias_hh": b_hh,
                }.items():
                    getattr(self.layers, f"{name}_l{index}").copy_(_turn_z(config, torch.tensor(array)))
            self.output.weight.copy_(torch.tensor(weights["output.W"]))
            self.output.bias.copy_(torch.tensor(weights["output.b"]))

    def parameters(self) -> list[nn.Parameter]:
        return [*self.layers.parameters(), *self.output.parameters()]

    def gradients(self) -> dict[str, np.ndarray]:
        """By our names and in our shapes; needs ``backward`` before."""
        found: dict[str, np.ndarray] = {}
        for index, layer in enumerate(self.config.layers()):
            hh, ih, b_ih, b_hh = (
                _turn_z(self.config, getattr(self.layers, f"{name}_l{index}").grad).numpy()
                for name in ("weight_hh", "weight_ih", "bias_ih", "bias_hh")
            )
            found[f"layers.{index}.Wt"] = np.concatenate([hh.T, ih.T])
            recurrent = b_hh[2 * layer.hidden_size :] if layer.reset_after else b_hh[:0]
            found[f"layers.{index}.b"] = np.concatenate([b_ih, recurrent])
        found["output.W"] = self.output.weight.grad.numpy().copy()
        found["output.b"] = self.output.bias.grad.numpy().copy()
        return found


class TorchTrainer:
    """``fused`` asks for the optimizer that torch offers as one kernel; few people do."""

    same_parameters = False

    def __init__(self, problem: Problem, *, fused: bool = False) -> None:
        self._network = Network(problem)
        self._parameters = self._network.parameters()
        self._optimizer = torch.optim.Adam(self._parameters, lr=LEARNING_RATE, fused=fused or None)
        self._initial = _state(problem)
        self._state = self._initial
        self._inputs = torch.tensor(problem.inputs)
        self._targets = torch.tensor(problem.targets, dtype=torch.long).flatten(1)
        self._one_hot = torch.eye(VOCABULARY)

    def loss_and_gradients(self) -> tuple[float, dict[str, np.ndarray]]:
        loss = self._loss(0)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._state = self._initial
        return loss.item(), self._network.gradients()

    def train(self) -> np.ndarray:
        losses = []
        for batch in range(len(self._inputs)):
            loss = self._loss(batch)
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self._parameters, OPTIMIZER.clip_norm)
            self._optimizer.step()
            losses.append(loss.item())
        return np.array(losses)

    def _loss(self, batch: int) -> torch.Tensor:
        x = functional.embedding(self._inputs[batch], self._one_hot)
        h, state = self._network.layers(x, self._state)
        self._state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        logits = self._network.output(h)
        return functional.cross_entropy(logits.view(-1, VOCABULARY), self._targets[batch])


class TorchSampler:
    """nn.LSTM one step at a time."""

    def __init__(self, problem: Problem) -> None:
        self._network = Network(problem)
        self._initial = _state(problem)
        self._state = self._initial
        self._symbol = torch.zeros(1, 1, dtype=torch.long)
        self._one_hot = torch.eye(VOCABULARY)

    def greedy(self, length: int) -> np.ndarray:
        self._state, self._symbol = self._initial, torch.zeros_like(self._symbol)
        drawn = []
        with torch.inference_mode():
            for _ in range(length):
                self._symbol = self._logits().argmax(1, keepdim=True)
                drawn.append(int(self._symbol))
        return np.array(drawn)

    def draw(self) -> None:
        with torch.inference_mode():
            for _ in range(SAMPLE_LENGTH):
                self._symbol = torch.multinomial(torch.softmax(self._logits(), 1), 1)

    def _logits(self) -> torch.Tensor:
        """(1, V), after feeding the current symbol."""
        h, self._state = self._network.layers(functional.embedding(self._symbol, self._one_hot), self._state)
        return self._network.output(h[0])


class TorchCellSampler(TorchSampler):
    """nn.LSTMCell, which has less to do before each step than nn.LSTM."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        config, layers = problem.config, self._network.layers
        self._cells = []
        for index, layer in enumerate(config.layers()):
            cell = nn.LSTMCell(layer.input_size, layer.hidden_size)
            cell.load_state_dict({name: getattr(layers, f"{name}_l{index}") for name in cell.state_dict()})
            self._cells.append(cell)

    def _logits(self) -> torch.Tensor:
        x = functional.embedding(self._symbol[0], self._one_hot)
        h, c = self._state
        states = []
        for index, cell in enumerate(self._cells):
            states.append(cell(x, (h[index], c[index])))
            x = states[-1][0]
        self._state = tuple(zip(*states, strict=True))
        return self._network.output(x)


def _state(problem: Problem) -> torch.Tensor | tuple[torch.Tensor, ...]:
    """As torch wants it: (L, B, H), for an LSTM a pair of these."""
    arrays = tuple(torch.tensor(problem.state[:, index]) for index in range(problem.state.shape[1]))
    return arrays if len(arrays) > 1 else arrays[0]


def _turn_z(config: ModelConfig, array: torch.Tensor) -> torch.Tensor:
    """``array`` (G·H, …) with the sign of a GRU's z rows changed."""
    there, h = CELLS[config.cell].counterparts["PyTorch"], config.hidden_size
    array = array.clone()
    for index, name in enumerate(there.order):
        if name in there.negated:
            array[index * h : (index + 1) * h].neg_()
    return array
