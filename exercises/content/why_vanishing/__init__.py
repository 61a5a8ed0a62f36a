"""C1: vanishing gradients in recurrent and in deep networks."""
