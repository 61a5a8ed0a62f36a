"""Makes the golden arrays: what PyTorch computes for random layers, models, optimizers and networks.

    python tests/golden/make.py            writes *.safetensors beside this file
    python tests/golden/make.py --check    compares those with what comes out here

Needs torch 2.13.0 and safetensors, and nothing of this project: whatever it shares with the tests is a file.
One case's arrays are "case/given/name" and "case/expected/name"; the header's metadata has its settings as JSON.

Every given number is a float32, so that engines of either precision get the very same ones; what is expected is
float64. Cells that PyTorch does not have are written below with its tensors, one step of one sequence at a
time, and autograd gives their gradients. Where it has the cell, its own module must agree or nothing is written.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss, one_hot

VERSION = "2.13.0"
HERE = Path(__file__).parent
Arrays = dict[str, Any]
Case = dict[str, Any]

CELLS: dict[str, Case] = {
    "rnn": {"cell": "rnn"},
    "gru": {"cell": "gru"},
    "gru reset_after": {"cell": "gru", "reset_after": True},
    "mingru": {"cell": "mingru"},
    "lstm": {"cell": "lstm"},
    "lstm peephole": {"cell": "lstm", "peephole": True},
    "lstm coupled": {"cell": "lstm", "coupled": True},
    "lstm input forced": {"cell": "lstm", "force": {"input": 0.25}},
    "lstm forget forced": {"cell": "lstm", "force": {"forget": 1.0}},
    "lstm output forced": {"cell": "lstm", "force": {"output": 0.75}},
    "lstm peephole, coupled": {"cell": "lstm", "peephole": True, "coupled": True},
    "lstm peephole, input forced": {"cell": "lstm", "peephole": True, "force": {"input": 0.25}},
    "lstm peephole, forget forced": {"cell": "lstm", "peephole": True, "force": {"forget": 0.0}},
    "lstm peephole, output forced": {"cell": "lstm", "peephole": True, "force": {"output": 1.0}},
    "lstm coupled, input forced": {"cell": "lstm", "coupled": True, "force": {"input": 0.375}},
    "lstm coupled, forget forced": {"cell": "lstm", "coupled": True, "force": {"forget": 0.875}},
    "lstm all at once": {
        "cell": "lstm",
        "peephole": True,
        "coupled": True,
        "force": {"input": 0.75, "forget": 0.625, "output": 0.5},
    },
}
#: Beyond one vector of every kernel, and no whole number of them.
WIDE = ("rnn", "gru", "gru reset_after", "mingru", "lstm", "lstm all at once")
#: How many blocks of H rows W and b have.
BLOCKS = {"rnn": (1, 1), "gru": (3, 3), "gru reset_after": (3, 4), "mingru": (2, 2)}
#: What PyTorch has a module for.
MODULES = {"rnn": torch.nn.RNN, "gru reset_after": torch.nn.GRU, "lstm": torch.nn.LSTM}


class Draw:
    """Random float32 numbers as float64 tensors."""

    def __init__(self, *seed: int) -> None:
        self._generator = torch.Generator().manual_seed(sum(n * 1000**k for k, n in enumerate(seed)))

    def normal(self, *shape: int, scale: float = 1.0) -> Tensor:
        return (scale * torch.randn(shape, generator=self._generator)).double()

    def symbols(self, high: int, *shape: int) -> Tensor:
        return torch.randint(high, shape, generator=self._generator)


# ------------------------------------------------------------------------------------------------ cells


def step(cell: Case, w: Arrays, x: Tensor, h: Tensor, c: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """h and c (H,) after one step of one sequence that reads x (D,). W is (G·H, H+D), of [h, x], but minGRU's is
    (2H, D). ``mask`` multiplies h wherever W meets it."""
    W, b, H = w["W"], w["b"], len(h)
    force, sigmoid, tanh = cell.get("force", {}), torch.sigmoid, torch.tanh
    seen = h if mask is None else mask * h

    def a(k: int) -> Tensor:
        rows = slice(k * H, (k + 1) * H)
        return W[rows] @ torch.cat([seen, x]) + b[rows]

    if cell["cell"] == "rnn":
        return tanh(a(0)), c
    if cell["cell"] == "mingru":
        z = sigmoid(W[:H] @ x + b[:H])
        return (1 - z) * h + z * (W[H:] @ x + b[H:]), c
    if cell["cell"] == "gru":
        r, z, Wn = sigmoid(a(0)), sigmoid(a(1)), W[2 * H :]
        if cell.get("reset_after"):
            n = tanh(Wn[:, H:] @ x + b[2 * H : 3 * H] + r * (Wn[:, :H] @ seen + b[3 * H :]))
        else:
            n = tanh(Wn @ torch.cat([r * seen, x]) + b[2 * H :])
        return (1 - z) * h + z * n, c
    p_i, p_f, p_o = w["peephole"] if cell.get("peephole") else torch.zeros(3, H)
    f = torch.full_like(c, force["forget"]) if "forget" in force else sigmoid(a(1) + p_f * c)
    i = 1 - f if cell.get("coupled") else sigmoid(a(0) + p_i * c)
    i = torch.full_like(c, force["input"]) if "input" in force else i
    c = f * c + i * tanh(a(2))
    o = torch.full_like(c, force["output"]) if "output" in force else sigmoid(a(3) + p_o * c)
    return o * tanh(c), c


def sequence(
    cell: Case, w: Arrays, x: Tensor, h: Tensor, c: Tensor, mask: Tensor | None
) -> tuple[list[Tensor], list[Tensor]]:
    """h and c after each step of one sequence x (T, D)."""
    hs, cs = [], []
    for row in x:
        h, c = step(cell, w, row, h, c, mask)
        hs.append(h)
        cs.append(c)
    return hs, cs


def sequence_by_module(
    cell: Case, w: Arrays, x: Tensor, h: Tensor, c: Tensor, mask: Tensor | None
) -> tuple[list[Tensor], list[Tensor]]:
    """The same by torch.nn.RNN, GRU or LSTM: no masks, of all c only the last, and 1 − z for the GRU's z."""
    assert mask is None
    name, (D, H) = f"{cell['cell']}{' reset_after' * cell.get('reset_after', False)}", (x.shape[1], len(h))
    rows = len(w["W"])
    sign, second = torch.ones(rows).double(), torch.zeros(rows).double()
    if cell["cell"] == "gru":
        sign[H : 2 * H] = -1
        second = torch.cat([second[: 2 * H], w["b"][rows:]])
    weights = {
        "weight_hh_l0": w["W"][:, :H] * sign[:, None],
        "weight_ih_l0": w["W"][:, H:] * sign[:, None],
        "bias_ih_l0": w["b"][:rows] * sign,
        "bias_hh_l0": second,
    }
    state = (h[None], c[None]) if cell["cell"] == "lstm" else h[None]
    output, final = torch.func.functional_call(MODULES[name](D, H).double(), weights, (x, state))
    return list(output), [final[1][0] if cell["cell"] == "lstm" else c]


def weights_of(cell: Case, draw: Draw, D: int, H: int) -> Arrays:
    name = f"{cell['cell']}{' reset_after' * cell.get('reset_after', False)}"
    (rows, biases), columns = BLOCKS.get(name, (4, 4)), D if name == "mingru" else H + D
    w = {"W": draw.normal(rows * H, columns, scale=0.6), "b": draw.normal(biases * H, scale=0.5)}
    return w | ({"peephole": draw.normal(3, H, scale=0.7)} if cell.get("peephole") else {})


# ----------------------------------------------------------------------------------------------- layers


def run_layer(case: Case, given: Arrays, run: Callable[..., Any]) -> Arrays:
    """h, c (T, B, H), and the gradients of Σ dh·h + Σ dh_T·h_T + Σ dc_T·c_T, each sequence run alone.

    Steps past a sequence's end leave its state alone: they repeat the last state, or in reverse the first.
    """
    leaf_names = [name for name in ("W", "b", "peephole", "x", "h0", "c0") if name in given]
    leaves = {n: given[n].clone().requires_grad_(given[n].is_floating_point()) for n in leaf_names}
    x, (T, B) = leaves["x"], given["x"].shape[:2]
    if x.ndim == 2:
        x = one_hot(x, case["input_size"]).double()
    lanes: dict[str, list[Tensor]] = {"h": [], "c": []}
    loss = torch.zeros(())
    for lane in range(B):
        length = int(given["lengths"][lane]) if "lengths" in given else T
        h0, c0 = leaves["h0"][lane], leaves["c0"][lane] if "c0" in leaves else torch.zeros(0)
        own, mask = x[:length, lane], given["mask"][lane] if "mask" in given else None
        hs, cs = (
            run(case["cell"], leaves, own.flip(0) if case["reverse"] else own, h0, c0, mask) if length else ([], [])
        )
        h_T, c_T = (hs[-1], cs[-1]) if length else (h0, c0)
        if case["reverse"]:
            hs, cs, rest = hs[::-1], cs[::-1], (h0, c0)
        else:
            rest = (h_T, c_T)
        hs, cs = ([*states, *[past] * (T - length)] for states, past in zip((hs, cs), rest, strict=True))
        lanes["h"].append(torch.stack(hs))
        lanes["c"].append(torch.stack(cs))
        loss = loss + (lanes["h"][-1] * given["dh"][:, lane]).sum() + (h_T * given["dh_T"][lane]).sum()
        if "dc_T" in given:
            loss = loss + (c_T * given["dc_T"][lane]).sum()
    results = gradients_of(loss, leaves)
    names = ("h", "c") if "c0" in given and run is sequence else ("h",)
    return results | {name: torch.stack(lanes[name], dim=1).detach() for name in names}


def gradients_of(loss: Tensor, leaves: Arrays) -> Arrays:
    """dW of W and so on; 0 for what the loss does not depend on."""
    wanted = {name: leaf for name, leaf in leaves.items() if leaf.requires_grad}
    gradients = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True, materialize_grads=True)
    return {f"d{name}": gradient for name, gradient in zip(wanted, gradients, strict=True)}


def layers() -> dict[str, Case]:
    """Every cell and option: forward from numbers; in reverse, sequences of several lengths; symbols and a mask."""
    cases = {}
    for number, (name, cell) in enumerate(CELLS.items()):
        for place, (reverse, lengths, symbols, masked) in enumerate(
            [(False, None, False, False), (True, (5, 0, 2), False, False), (False, (2, 5, 1), True, True)]
        ):
            draw, (T, B, D, H) = Draw(number, place), (5, 3, 3, 17 if name in WIDE and place == 1 else 5)
            given = {
                **weights_of(cell, draw, D, H),
                "x": draw.symbols(D, T, B) if symbols else draw.normal(T, B, D),
                "h0": draw.normal(B, H, scale=0.5),
                "dh": draw.normal(T, B, H),
                "dh_T": draw.normal(B, H),
            }
            if cell["cell"] == "lstm":
                given |= {"c0": draw.normal(B, H), "dc_T": draw.normal(B, H)}
            if lengths:
                given["lengths"] = torch.tensor(lengths)
            if masked:
                given["mask"] = torch.tensor([0.0, 1.25, 2.0]).double()[draw.symbols(3, B, H)]
            case = {"cell": cell, "input_size": D, "hidden_size": H, "reverse": reverse}
            expected = run_layer(case, given, sequence)
            if name in MODULES and not masked:
                for array, theirs in run_layer(case, given, sequence_by_module).items():
                    torch.testing.assert_close(expected[array], theirs, rtol=1e-13, atol=1e-14)
            title = f"{name}, {('forward', 'reverse', 'symbols')[place]}"
            cases[title] = {"settings": case, "given": given, "expected": expected}
    return cases


# ----------------------------------------------------------------------------------------------- models


def run_model(cell: Case, w: Arrays, inputs: Tensor, targets: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Loss in mean nats per target that is not −1, logits (T, B, V), final state (L, S, B, H)."""
    V, levels = len(w["output.b"]), []
    x = one_hot(inputs, V).double()
    for k, own in enumerate(state):
        weights = {name: w[f"layers.{k}.{name}"] for name in ("W", "b", "peephole") if f"layers.{k}.{name}" in w}
        lanes = [sequence(cell, weights, x[:, lane], own[0, lane], own[-1, lane], None) for lane in range(x.shape[1])]
        x = torch.stack([torch.stack(hs) for hs, _ in lanes], dim=1)
        final = [x[-1], torch.stack([cs[-1] for _, cs in lanes])]
        levels.append(torch.stack(final[: len(own)]))
    logits = x @ w["output.W"].T + w["output.b"]
    return cross_entropy(logits.reshape(-1, V), targets.reshape(-1), ignore_index=-1), logits, torch.stack(levels)


def model_weights(cell: Case, draw: Draw, L: int, V: int, H: int) -> Arrays:
    w = {}
    for k in range(L):
        own = weights_of(cell, draw, V if k == 0 else H, H)
        w |= {f"layers.{k}.{name}": array for name, array in own.items()}
    return w | {"output.W": draw.normal(V, H, scale=0.6), "output.b": draw.normal(V, scale=0.5)}


def models() -> dict[str, Case]:
    """Language models of two layers, without dropout, some targets not counted: loss, logits, state, gradients."""
    cases = {}
    for number, (name, cell) in enumerate(CELLS.items()):
        draw, (T, B, V, H, L) = Draw(100, number), (4, 3, 5, 4, 2)
        S = 2 if cell["cell"] == "lstm" else 1
        w = model_weights(cell, draw, L, V, H)
        given = {
            **w,
            "inputs": draw.symbols(V, T, B),
            "targets": draw.symbols(V + 1, T, B) - 1,
            "state": draw.normal(L, S, B, H, scale=0.5),
            "dstate": draw.normal(L, S, B, H),
        }
        given["targets"][0, 0], given["targets"][-1, -1] = -1, 0
        leaves = {n: given[n].clone().requires_grad_() for n in (*w, "state")}
        loss, logits, state = run_model(cell, leaves, given["inputs"], given["targets"], leaves["state"])
        gradients = gradients_of(loss + (state * given["dstate"]).sum(), leaves)
        expected = {"loss": loss, "logits": logits, "state": state, **gradients}
        settings = {"cell": cell, "symbols": V, "hidden_size": H, "num_layers": L}
        cases[name] = {"settings": settings, "given": given, "expected": expected}
    return cases


# ------------------------------------------------------------------------------------ optimizers, training

OPTIMIZERS: dict[str, Case] = {
    "sgd": {"kind": "sgd"},
    "momentum": {"kind": "sgd", "momentum": 0.75},
    "rmsprop": {"kind": "rmsprop", "rho": 0.75, "eps": 1e-3},
    "adagrad": {"kind": "adagrad", "eps": 1e-3},
    "adam": {"kind": "adam", "beta1": 0.75, "beta2": 0.875, "eps": 1e-3},
}
CLIPPING: dict[str, Case] = {
    "unclipped": {"clip_norm": 0.0},
    "by value": {"clip_norm": 0.0, "clip_value": 0.5},
    "by norm": {"clip_norm": 2.0},
    "by both": {"clip_norm": 1.5, "clip_value": 0.5},
}


def torch_optimizer(settings: Case, parameters: list[Tensor]) -> torch.optim.Optimizer:
    if settings["kind"] == "sgd":
        return torch.optim.SGD(parameters, momentum=settings.get("momentum", 0.0))
    if settings["kind"] == "rmsprop":
        return torch.optim.RMSprop(parameters, alpha=settings["rho"], eps=settings["eps"])
    if settings["kind"] == "adagrad":
        return torch.optim.Adagrad(parameters, eps=settings["eps"])
    return torch.optim.Adam(parameters, betas=(settings["beta1"], settings["beta2"]), eps=settings["eps"])


def update(optimizer: torch.optim.Optimizer, settings: Case, gradients: list[Tensor], lr: float) -> Tensor:
    """One step; returns the norm of the whole gradient before clipping.

    ``torch.nn.utils.clip_grad_norm_`` divides by norm + 1e-6, which would show here, so it is done by hand.
    """
    before = torch.cat([g.reshape(-1) for g in gradients]).norm()
    if settings.get("clip_value"):
        gradients = [g.clamp(-settings["clip_value"], settings["clip_value"]) for g in gradients]
    norm = torch.cat([g.reshape(-1) for g in gradients]).norm()
    if 0 < settings["clip_norm"] < norm:
        gradients = [g * (settings["clip_norm"] / norm) for g in gradients]
    (group,) = optimizer.param_groups
    group["lr"] = lr
    for parameter, gradient in zip(group["params"], gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()
    return before


def updates() -> dict[str, Case]:
    """Five steps of each optimizer with each clipping; parameters after every one of them, and the norms."""
    cases = {}
    for name, kind in OPTIMIZERS.items():
        for number, (clipping, clip) in enumerate(CLIPPING.items()):
            draw, settings = Draw(200, number), kind | clip
            given = {
                "parameters": draw.normal(26),  # as many as an RNN of 3 units has for 2 symbols
                "gradients": draw.normal(5, 26),
                "lrs": torch.tensor([0.1, 0.05, 0.2, 0.1, 0.025]).double(),
            }
            parameter = torch.nn.Parameter(given["parameters"].clone())
            optimizer, after, norms = torch_optimizer(settings, [parameter]), [], []
            for gradient, lr in zip(given["gradients"], given["lrs"].tolist(), strict=True):
                norms.append(update(optimizer, settings, [gradient], lr))
                after.append(parameter.detach().clone())
            expected = {"parameters": torch.stack(after), "norms": torch.stack(norms)}
            cases[f"{name}, {clipping}"] = {"settings": settings, "given": given, "expected": expected}
    return cases


def training() -> dict[str, Case]:
    """Twenty steps, the state carried from each to the next: the whole curve, and where it ends."""
    turns = [
        ("lstm", "adam", 2),
        ("gru", "momentum", 1),
        ("gru reset_after", "rmsprop", 1),
        ("rnn", "sgd", 2),
        ("mingru", "adam", 2),
        ("lstm peephole, coupled", "adagrad", 1),
    ]
    cases = {}
    for number, (name, kind, L) in enumerate(turns):
        draw, cell, (N, T, B, V, H) = Draw(300, number), CELLS[name], (20, 6, 2, 5, 7)
        settings = OPTIMIZERS[kind] | {"clip_norm": 0.5}
        given = {
            **model_weights(cell, draw, L, V, H),
            "inputs": draw.symbols(V, N, T, B),
            "targets": draw.symbols(V, N, T, B),
            "state": draw.normal(L, 2 if cell["cell"] == "lstm" else 1, B, H, scale=0.5),
            "lrs": torch.linspace(0.0625, 0.03125, N).double(),
        }
        weights = {n: given[n].clone().requires_grad_() for n in given if n.startswith(("layers", "output"))}
        optimizer, state, losses, norms = torch_optimizer(settings, list(weights.values())), given["state"], [], []
        for n, lr in enumerate(given["lrs"].tolist()):
            loss, _, state = run_model(cell, weights, given["inputs"][n], given["targets"][n], state.detach())
            losses.append(loss)
            norms.append(update(optimizer, settings, list(gradients_of(loss, weights).values()), lr))
        expected = {"losses": torch.stack(losses), "norms": torch.stack(norms), "state": state, **weights}
        shape = {"cell": cell, "symbols": V, "hidden_size": H, "num_layers": L, "optimizer": settings}
        cases[f"{name}, {kind}"] = {"settings": shape, "given": given, "expected": expected}
    return cases


# --------------------------------------------------------------------------------------------- networks

T, B, D, H, V = 6, 4, 3, 4, 5
LENGTHS = torch.tensor([6, 1, 3, 5])


def module(draw: Draw, **parts: torch.nn.Module) -> Any:
    """A module of parts, every weight of which is random."""
    whole = torch.nn.Module()
    for name, part in parts.items():
        setattr(whole, name, part)
    for parameter in whole.double().parameters():
        parameter.data = draw.normal(*parameter.shape, scale=0.6)
    return whole


def packed(rnn: Any, x: Tensor, *state: Any) -> tuple[Tensor, Any]:
    """Each sequence to its end, zeros past it; and the final state."""
    output, final = rnn(torch.nn.utils.rnn.pack_padded_sequence(x, LENGTHS, enforce_sorted=False), *state)
    return torch.nn.utils.rnn.pad_packed_sequence(output)[0], final


def attend(score: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """Σ_t α_t x_t with α = softmax over time of the scores, 0 past the end; and α (T, B)."""
    scores = score(x)[..., 0].masked_fill(torch.arange(len(x))[:, None] >= LENGTHS, -torch.inf)
    alpha = torch.softmax(scores, dim=0)
    return (alpha[..., None] * x).sum(dim=0), alpha


def with_weights(whole: Any, given: Arrays) -> Arrays:
    """The given arrays, and the state dict with "weights." before each name."""
    return given | {f"weights.{name}": array for name, array in whole.state_dict().items()}


def weight_gradients(loss: Tensor, whole: Any, **others: Tensor) -> Arrays:
    parameters = {f"weights.{name}": parameter for name, parameter in whole.named_parameters()}
    return {name: g.detach() for name, g in gradients_of(loss, parameters | others).items()}


def stacks() -> dict[str, Case]:
    """nn.LSTM, GRU and RNN of two layers, one way and both ways, from states that are not 0."""
    cases = {}
    kinds = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}
    for number, (kind, directions) in enumerate((kind, d) for kind in kinds for d in (1, 2)):
        draw, S = Draw(400, number), 2 if kind == "lstm" else 1
        whole = module(draw, rnn=kinds[kind](D, H, num_layers=2, bidirectional=directions == 2))
        given = {
            "x": draw.normal(T, B, D),
            "lengths": LENGTHS,
            "state": draw.normal(2 * directions, S, B, H),
            "dout": draw.normal(T, B, directions * H) * (torch.arange(T)[:, None] < LENGTHS)[..., None],
            "dfinal": draw.normal(2 * directions, S, B, H),
        }
        x, state = (given[name].clone().requires_grad_() for name in ("x", "state"))
        output, final = packed(whole.rnn, x, (state[:, 0], state[:, 1]) if S == 2 else state[:, 0])
        final = torch.stack(final if S == 2 else (final,), dim=1)
        loss = (output * given["dout"]).sum() + (final * given["dfinal"]).sum()
        expected = {"output": output, "final": final, **weight_gradients(loss, whole, x=x, state=state)}
        settings = {"cell": kind, "bidirectional": directions == 2}
        cases[f"{kind}{' both ways' * (directions - 1)}"] = {
            "settings": settings, "given": with_weights(whole, given), "expected": expected
        }  # fmt: skip
    return cases


def language_models() -> dict[str, Case]:
    """What comes next, for every step of a text: softmax of a Linear of two layers' states, inputs one-hot."""
    cases = {}
    for number, (kind, rnn) in enumerate({"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}.items()):
        draw = Draw(700, number)
        whole = module(draw, rnn=rnn(V, H, num_layers=2), decoder=torch.nn.Linear(H, V))
        symbols = draw.symbols(V, 12)
        states, _ = whole.rnn(one_hot(symbols, V).double()[:, None])
        expected = {"probabilities": torch.softmax(whole.decoder(states)[:, 0], dim=1)}
        given = with_weights(whole, {"symbols": symbols})
        cases[f"language model, {kind}"] = {"settings": {"cell": kind}, "given": given, "expected": expected}
    return cases


def parts() -> dict[str, Case]:
    """Linear, embedding, layer norm and attention, from Σ dout·output; and the two losses."""
    draw, cases = Draw(500), {}
    makes: dict[str, tuple[Any, Any, Callable[..., Tensor]]] = {
        "linear": (torch.nn.Linear(D, 2), draw.normal(T, B, D), lambda part, x: part(x)),
        "embedding": (torch.nn.Embedding(V, 2), draw.symbols(V, T, B), lambda part, x: part(x)),
        "layer norm": (torch.nn.LayerNorm(D), 3 + 2 * draw.normal(T, B, D), lambda part, x: part(x)),
        "attention": (torch.nn.Linear(D, 1, bias=False), draw.normal(T, B, D), lambda part, x: attend(part, x)[0]),
    }
    for name, (part, x, forward) in makes.items():
        whole = module(draw, part=part)
        x = x.float().double() if x.is_floating_point() else x
        leaf = x.clone().requires_grad_(x.is_floating_point())
        output = forward(whole.part, leaf)
        given = {"x": x, "dout": draw.normal(*output.shape)}
        expected = {"output": output, **weight_gradients((output * given["dout"]).sum(), whole, x=leaf)}
        if name == "attention":
            given["lengths"], expected["alpha"] = LENGTHS, attend(whole.part, x)[1]
        cases[name] = {"settings": {}, "given": with_weights(whole, given), "expected": expected}

    logits, targets = draw.normal(T, B, V, scale=3), draw.symbols(V + 1, T, B) - 1
    leaf = logits.clone().requires_grad_()
    loss = cross_entropy(leaf.reshape(-1, V), targets.reshape(-1), ignore_index=-1)
    cases["cross-entropy"] = {
        "settings": {},
        "given": {"x": logits, "targets": targets},
        "expected": {"loss": loss, **gradients_of(loss, {"x": leaf})},
    }
    predictions, numbers = draw.normal(T, B, D), draw.normal(T, B, D)
    leaf = predictions.clone().requires_grad_()
    loss = mse_loss(leaf, numbers)
    cases["mean squared error"] = {
        "settings": {},
        "given": {"x": predictions, "targets": numbers},
        "expected": {"loss": loss, **gradients_of(loss, {"x": leaf})},
    }
    return cases


def networks() -> dict[str, Case]:
    """Whole networks: outputs, loss and every gradient."""
    draw = Draw(600)
    counted = torch.arange(T)[:, None] < LENGTHS
    lstm, gru, embedding, linear = torch.nn.LSTM, torch.nn.GRU, torch.nn.Embedding, torch.nn.Linear

    def reader(rnn: Any) -> torch.nn.Module:
        whole = torch.nn.Module()
        whole.embedding, whole.rnn = embedding(V, 2), rnn
        return whole

    def read(part: Any, x: Tensor) -> tuple[Tensor, Any]:
        return packed(part.rnn, part.embedding(x))

    def both_ends(final: Any) -> Tensor:
        return torch.cat([final[0][-2], final[0][-1]], dim=1)

    def deep(whole: Any, x: Tensor) -> Tensor:
        return whole.output(whole.norm(both_ends(packed(whole.rnn, whole.embedding(x))[1])))

    def translate(whole: Any, x: Tensor) -> Tensor:
        """Teacher forcing: the decoder starts where the encoder ended, and reads what it should have written."""
        _, final = read(whole.encoder, x)
        return whole.output(whole.decoder.rnn(whole.decoder.embedding(writing), final)[0])

    # Its end is symbol 2, and −1 comes after it; its start is symbol 4.
    written = torch.tensor([[3, 4, 2, 2], [2, 0, -1, -1], [-1, 2, -1, -1]])
    writing = torch.tensor([[4, 4, 4, 4], [3, 4, 2, 2], [2, 0, 0, 0]])
    two_ways = {"bidirectional": True}
    cases = {}
    for name, whole, forward, targets in (
        (
            "classifier",
            module(draw, reader=reader(lstm(2, H, num_layers=2, **two_ways)), output=linear(2 * H, 3)),
            lambda whole, x: whole.output(both_ends(read(whole.reader, x)[1])),
            draw.symbols(3, B),
        ),
        (
            "classifier with attention",
            module(
                draw,
                reader=reader(lstm(2, H, **two_ways)),
                pooling=linear(2 * H, 1, bias=False),
                output=linear(2 * H, 3),
            ),
            lambda whole, x: whole.output(attend(whole.pooling, read(whole.reader, x)[0])[0]),
            draw.symbols(3, B),
        ),
        (
            "deep classifier",
            module(
                draw,
                embedding=embedding(V, 2),
                rnn=lstm(2, H, num_layers=3, **two_ways),
                norm=torch.nn.LayerNorm(2 * H),
                output=linear(2 * H, 3),
            ),
            deep,
            draw.symbols(3, B),
        ),
        (
            "tagger",
            module(draw, reader=reader(gru(2, H, **two_ways)), output=linear(2 * H, 3)),
            lambda whole, x: whole.output(read(whole.reader, x)[0]),
            torch.where(counted, draw.symbols(3, T, B), -1),
        ),
        (
            "sequence to sequence",
            module(
                draw,
                encoder=reader(lstm(2, H, num_layers=2)),
                decoder=reader(lstm(2, H, num_layers=2)),
                output=linear(H, V),
            ),
            translate,
            written,
        ),
    ):
        inputs = draw.symbols(V, T, B)
        output = forward(whole, inputs)
        loss = cross_entropy(output.reshape(-1, output.shape[-1]), targets.reshape(-1), ignore_index=-1)
        given = {"inputs": inputs, "lengths": LENGTHS, "targets": targets}
        expected = {"output": output, "loss": loss, **weight_gradients(loss, whole)}
        cases[name] = {"settings": {}, "given": with_weights(whole, given), "expected": expected}
    return cases


# ------------------------------------------------------------------------------------------------ files


def flat(cases: dict[str, Case]) -> dict[str, Tensor]:
    """All arrays by their full names, given floats as float32 (which loses nothing), integers as int64."""
    arrays = {}
    for case, content in cases.items():
        for part in ("given", "expected"):
            for name, array in content[part].items():
                array = array.detach().clone().contiguous()
                if part == "given" and array.is_floating_point():
                    assert torch.equal(array.float().double(), array), (case, name)
                    array = array.float()
                arrays[f"{case}/{part}/{name}"] = array
    return arrays


FILES: dict[str, Callable[[], dict[str, Case]]] = {
    "layers": layers,
    "models": models,
    "updates": updates,
    "training": training,
    "networks": lambda: {**stacks(), **language_models(), **parts(), **networks()},
}


def main(arguments: list[str]) -> int:
    if torch.__version__.split("+")[0] != VERSION:
        raise SystemExit(f"torch: got {torch.__version__}, expected {VERSION}")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for name, make in FILES.items():
        path, cases = HERE / f"{name}.safetensors", make()
        arrays = flat(cases)
        if "--check" in arguments:
            with safe_open(path, "pt") as file:
                assert set(file.keys()) == set(arrays)
                for key, array in arrays.items():
                    torch.testing.assert_close(file.get_tensor(key), array, rtol=1e-13, atol=1e-14, msg=key)
        else:
            settings = {case: content["settings"] for case, content in cases.items()}
            save_file(arrays, path, {"settings": json.dumps({"torch": VERSION, "cases": settings})})
            path.chmod(0o644)
        print(f"{path.name}: {len(cases)} cases, {len(arrays)} arrays, {path.stat().st_size / 1e3:.0f} kB")
    if "--check" not in arguments:
        # As people save it: one module's state dict, in float32.
        given = stacks()["lstm both ways"]["given"]
        prefix = "weights.rnn."
        state = {name.removeprefix(prefix): array.float() for name, array in given.items() if name.startswith(prefix)}
        save_file(state, HERE / "state_dict.safetensors")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
