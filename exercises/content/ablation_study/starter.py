"""Exercise 3: an ablation study."""

# Your guesses: updates without a forget gate, as a share of the full LSTM's; below 1 means it learns faster.
guess_first_character = None  # keep a symbol over 20 steps of noise
guess_last_symbol = None  # each new symbol replaces the one before

VARIANTS = ("full", "forget", "input", "output")


def step(x, h, c, W, b, removed):
    """One step of an LSTM. x: (B, D), h, c: (B, H), W: (4H, H+D) with row blocks i, f, g, o, b: (4H,).

    removed: "forget", "input" or "output", the gate that is held at 1; or None. Returns the new h and c.
    """
    raise NotImplementedError("step")


def step_gradient(x, h, c, W, b, removed, dh, dc):
    """The way back through one step. dh, dc: (B, H), the gradients of the new h and c.

    Returns a dictionary: "dW" (4H, H+D), "db" (4H,), "dx" (B, D), "dh_prev" and "dc_prev" (B, H).
    """
    raise NotImplementedError("step_gradient")


def starts(rng, input_size, hidden_size):
    """{variant: (W, b)} for the four VARIANTS: W random (std 0.1), b zeros but for a forget bias of 1."""
    raise NotImplementedError("starts")


def train(variant, task, seed):
    """One run on the lab's core: updates until 99.9 % of unseen sequences are right, at most 600; inf if never.

    variant: "full", "forget", "input" or "output", the gate that is held at 1; task: "first character", where a
    symbol has to be kept over 20 steps of noise, or "last symbol", where each new symbol replaces the one before.
    The same seed gives the same weights at the start and the same batches, whichever the variant.
    """
    from lstm_ext.experiments.ablation import Ablation

    names = {"full": "full", "forget": "f = 1", "input": "i = 1", "output": "o = 1"}
    settings = {"task": task, "ablation": names[variant], "lr": 0.01, "limit": 600, "hidden_size": 32, "clamps": []}
    return Ablation().measure(settings, seed)["updates"]


def compare(train, tasks, seeds):
    """table[task][variant]: the median over the seeds of train(variant, task, seed)."""
    raise NotImplementedError("compare")


def conclusions(table):
    """Which removed gate needs the most updates.

    Returns {task: "forget", "input", "output", or "none" if none needs more than the full LSTM, …,
    "overall": the one answer, if all tasks give the same, else "depends on the task"}.
    """
    raise NotImplementedError("conclusions")
