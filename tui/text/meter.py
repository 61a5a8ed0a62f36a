"""Numbers as bars, in text."""

from __future__ import annotations

import math


def bar(share: float, width: int, *, ascii_only: bool) -> str:
    """A bar for a number from 0 to 1, at most ``width`` characters long; none for a number that is not finite."""
    if not math.isfinite(share):
        return ""
    share = min(max(share, 0.0), 1.0)
    if ascii_only:
        return "=" * round(share * width)
    full, half = divmod(round(share * width * 2), 2)
    return "━" * full + "╸" * half


def balance(share: float, width: int, *, ascii_only: bool) -> tuple[str, str, str]:
    """A bar for a number from −1 to 1, to the left or right of an axis: what is left of the axis, the axis, and
    what is right of it. Together they always are ``width`` characters."""
    side = (width - 1) // 2
    drawn = bar(abs(share), side, ascii_only=ascii_only)
    left, right = " " * side, " " * (width - 1 - side)
    if share < 0:
        left = drawn.replace("╸", "╺")[::-1].rjust(side)
    else:
        right = drawn.ljust(width - 1 - side)
    return left, "|" if ascii_only else "│", right
