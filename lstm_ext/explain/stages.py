"""The stages of one step, from the input to the loss and back: those that all cells share, around the cell's own."""

from __future__ import annotations

from collections.abc import Iterator

from ..arguments import checked
from ..cells import CELLS
from ..cells.config import LayerConfig
from ..cells.stages import Part, Stage, plus


@checked
def forward_stages(config: LayerConfig, *, symbols: bool) -> tuple[Stage, ...]:
    """The stages of one step forward, from the input to the loss.

    ``symbols``: the layer reads characters; otherwise the output of the layer below.
    """
    return (_input(config, symbols), *CELLS[config.cell].forward_stages(config), *_prediction())


@checked
def backward_stages(config: LayerConfig) -> tuple[Stage, ...]:
    """The stages of one step backward, from the prediction's error to what the step before gets of it."""
    return (*_error(), *CELLS[config.cell].backward_stages(config))


def _input(config: LayerConfig, symbols: bool) -> Stage:
    if symbols:
        return Stage(
            "x",
            "xₜ",
            "input",
            "xₜ = one-hot(character)",
            "",
            "The character enters as a vector with a single 1, so W·xₜ is just the column of W that belongs to it.",
            axis="input",
            span="gate",
        )
    return Stage(
        "x",
        "xₜ",
        "input",
        "xₜ = hₜ of the layer below",
        "",
        "This layer reads what the layer below it gives out for the same character.",
        axis="input",
        span=CELLS[config.cell].states[0].span,
    )


def _prediction() -> Iterator[Stage]:
    parts = [Part("output", "W_y·hₜ", "y.hidden", "W_y", "h"), Part("bias", "b_y", "y.bias")]
    yield Stage(
        "y",
        "yₜ",
        "scores",
        "yₜ = W_y·hₜ + b_y",
        plus(parts),
        "One score for every character that could come next. Only the differences between them matter.",
        tuple(parts),
        axis="symbol",
    )
    yield Stage(
        "p",
        "pₜ",
        "softmax",
        "pₜ = exp(yₜ) / Σ exp(yₜ)",
        "exp({y}) / {exp_sum}",
        "The scores as probabilities: all positive, together 1. The character that really comes next gets {p:%}.",
        axis="symbol",
        span="gate",
    )
    yield Stage(
        "loss",
        "Lₜ",
        "loss",
        "Lₜ = -ln pₜ[target]",
        "-ln {p}",
        "How surprising the true next character was, in nats. Guessing evenly would cost ln {V} = {even}.",
        axis="scalar",
    )


def _error() -> Iterator[Stage]:
    """From the loss to the gradient at the cell's output."""
    yield Stage(
        "dy",
        "dyₜ",
        "scores",
        "dyₜ = (pₜ - one-hot(target)) / T",
        "({p} - 1) / {T}",
        "dX means ∂L/∂X. Softmax and logarithm together leave just: prediction minus truth. T, because the loss is "
        "the mean over {T} characters.",
        axis="symbol",
    )
    yield Stage(
        "dW_y",
        "dW_y",
        "out weights",
        "dW_y += dyₜ·hₜᵀ, db_y += dyₜ",
        "",
        "Each weight from a unit to a score: the score's gradient times the unit's output. Summed over all characters.",
        axis="weights",
    )
    parts = [Part("prediction", "W_yᵀ·dyₜ", "dh.output", "W_y.T", "dy"), Part("from t+1", "dhₜ from t+1", "dh.next")]
    yield Stage(
        "dh",
        "dhₜ",
        "output",
        "dhₜ = W_yᵀ·dyₜ + dhₜ from t+1",
        plus(parts),
        "How the loss changes with the output: through the prediction here, and through all that hₜ does later. "
        "Walking backwards, the second part is known already; after the last character it is 0.",
        tuple(parts),
    )


#: What comes after the walk back: all contributions together, and what the optimizer makes of them.
UPDATE_STAGES = (
    Stage(
        "total",
        "Σ dW",
        "all together",
        "‖dW‖ = √(Σ dW²), summed over t",
        "",
        "The contributions of all characters added up, here the size of each array. The engine's own gradient differs "
        "by {difference} at most.",
        axis="array",
    ),
    Stage(
        "norm",
        "‖dL‖",
        "norm",
        "‖dL‖ = √(Σ ‖dW‖²)",
        "√{squares}",
        "One number for how steep the loss is here: the length of the whole gradient, all arrays together.",
        axis="scalar",
    ),
    Stage(
        "scale",
        "scale",
        "clipping",
        "scale = min(1, limit / ‖dL‖)",
        "min(1, {limit} / {norm})",
        "A longer gradient is scaled down to the limit before the update. That keeps its direction and tames "
        "explosions; it does nothing against vanishing.",
        axis="scalar",
    ),
    Stage(
        "step",
        "ΔW",
        "new weights",
        "W ← W - η·scale·dW",
        "",
        "Every weight moves against its gradient; the learning rate is η = {eta}. Shown is, of each kind of weight of "
        "unit {unit}, the one that moves most.",
        axis="weights",
    ),
    Stage(
        "after",
        "L",
        "loss after",
        "L = loss with the new weights",
        "",
        "The same text is read again. By the slope alone the loss would have changed by {promised}; but the slope "
        "changes on the way.",
        axis="scalar",
    ),
)
