"""The NumPy twin of the C core: the same functions with the same arguments, written to be read.

It is what the core is proved against, and the engine where no C compiler was to be had. What a
layer computes is in ``layers``; ``model`` stacks layers and trains them. The interface, with every
argument's shape, is described in ``lstm_ext.engine.interface``.
"""

from .layers import layer_backward, layer_forward, sigmoid
from .model import Engine
from .multiply import multiply
from .optimizers import optimizer_step

__all__ = ["Engine", "kernel", "layer_backward", "layer_forward", "multiply", "optimizer_step", "sigmoid"]

#: There is but one twin.
kernel: str | None = None
