"""Day 14, exercise 5: variational dropout."""


def draw_masks(rng, p, batch_size, input_size, hidden_size):
    """rng: np.random.Generator; p: the share that is dropped, 0 ≤ p < 1.

    Returns mask_x (batch_size, input_size) and mask_h (batch_size, hidden_size).
    """
    raise NotImplementedError("draw_masks")


def forward(x, W, b, masks=None):
    """x: (T, B, D), W: (4H, H+D), b: (4H,), masks: (mask_x, mask_h) or None. Returns h of all steps (T, B, H)."""
    raise NotImplementedError("forward")
