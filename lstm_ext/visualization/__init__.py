"""Pictures of what a network does: plots of gates, states and gradients, and the drawing underneath."""

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
