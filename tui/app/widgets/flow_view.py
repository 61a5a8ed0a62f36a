"""What the widgets of the Flow screen show: networks on one text, and how far back a loss reaches in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from rich.style import Style

from lstm_ext.explain.flow import Decay, Start

from ...text.flow import Net
from ..theme import Ink
from .canvas import Canvas


@dataclass(frozen=True)
class FlowLook:
    """The networks measured so far, and what of them is to be seen."""

    nets: Sequence[Net]
    #: T+1 characters.
    text: str
    #: "h" or "c".
    state: str
    #: Counted from 0.
    layer: int
    #: The character whose loss it is, 1 to T; None: the mean of all.
    character: int | None
    start: Start
    #: Whether bars count decades; else they are shares of their row's largest.
    decades: bool = False
    #: How many untrained networks of each cell there will be.
    seeds: int = 0

    @property
    def draws(self) -> str:
        """How many of them there are, in words."""
        done = min((len(net.flows) for net in self.nets if net.name != "network"), default=0)
        return f"{done} of {self.seeds} random starts" if done < self.seeds else f"{self.seeds} random starts each"

    @cached_property
    def bars(self) -> list[np.ndarray]:
        """(T,) for each network."""
        return [net.bars(self.state, self.layer, self.character) for net in self.nets]

    @cached_property
    def decays(self) -> list[Decay | None]:
        """What is left by steps back, of each network."""
        return [net.decay(self.state, self.layer) for net in self.nets]


class FlowView(Canvas):
    """A part of the Flow screen; empty until there is something to look at."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.look: FlowLook | None = None

    def show(self, look: FlowLook) -> None:
        """Draw this."""
        self.look = look
        self.redraw()


def style_of(net: Net, ink: Ink) -> Style:
    """The colour of a network, the same in every part of the screen."""
    return {"LSTM": ink.line, "GRU": ink.good, "RNN": ink.bad}.get(net.name, ink.point)
