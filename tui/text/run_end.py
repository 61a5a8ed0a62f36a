"""How much of a run is done, and how long the rest takes, where it has an end."""

from __future__ import annotations

from lstm_ext.train.snapshot import Snapshot


def share_done(snapshot: Snapshot) -> float | None:
    """How much of the run is done, up to its first limit; None: it has none."""
    shares = [snapshot.step / snapshot.total_steps] if snapshot.total_steps else []
    if snapshot.total_seconds:
        shares.append(snapshot.seconds / snapshot.total_seconds)
    return max(shares, default=None)


def seconds_left(first: Snapshot, snapshot: Snapshot) -> float | None:
    """Until the first limit, at the average speed since ``first``; None: that is not known."""
    estimates = []
    if snapshot.total_seconds is not None:
        estimates.append(snapshot.total_seconds - snapshot.seconds)
    if snapshot.total_steps is not None and snapshot.step > first.step:
        pace = (snapshot.seconds - first.seconds) / (snapshot.step - first.step)
        estimates.append((snapshot.total_steps - snapshot.step) * pace)
    return max(0.0, min(estimates)) if estimates else None
