"""B3: clip gradients by their global norm. `lstm-lab learn check clip_gradients` tells how far you are."""


def clip_gradients(grads, max_norm):
    """Scale all gradients by the same factor, so that their global norm is at most max_norm.

    grads: list of arrays of any shapes; max_norm: a positive number.
    Returns a new list of arrays; the arrays in grads stay as they are.
    """
    raise NotImplementedError("clip_gradients")
