"""Pictures of what a network does: plots of gates, states and gradients, and the drawing underneath.

The plots are loaded when they are first used: the lab needs only the drawing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .plots import (
        analyze_gate_patterns,
        plot_cell_state_evolution,
        plot_gate_activations,
        plot_gradient_flow_comparison,
    )

__all__ = [
    "analyze_gate_patterns",
    "plot_cell_state_evolution",
    "plot_gate_activations",
    "plot_gradient_flow_comparison",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(".plots", __name__), name)
    return value
