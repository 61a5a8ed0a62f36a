"""The NumPy twin of the C core: the same functions with the same arguments, written to be read.

The core is proved against it, and it is the engine where there is no C compiler. What a cell computes
is in ``lstm_ext.cells``, what all of them share in ``layers``; ``model`` stacks layers and trains them.
The interface, with every argument's shape, is described in ``lstm_ext.engine.interface``.
"""

from .layers import layer_backward, layer_forward
from .model import Engine
from .multiply import multiply
from .optimizers import optimizer_step

__all__ = ["Engine", "kernel", "layer_backward", "layer_forward", "multiply", "optimizer_step"]

#: There is but one twin.
kernel: str | None = None
