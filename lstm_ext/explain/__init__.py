"""A network's reading of a text taken apart: every gate and gradient of a short one, every unit on a long one."""
