"""Quantities as text."""

from __future__ import annotations

import math


def rate(value: float) -> str:
    """Characters per second with three digits: 812, 81.2k, 1.25M."""
    for limit, divisor, unit in ((1e3, 1.0, ""), (1e6, 1e3, "k")):
        if value < limit * 0.9995:
            return f"{value / divisor:.3g}{unit}"
    return f"{value / 1e6:.3g}M"


def clock(seconds: float) -> str:
    """0:07, 12:34, 1:02:03."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def ago(seconds: float) -> str:
    """just now, 5 min ago, 3 h ago, 2 days ago."""
    for limit, divisor, unit in ((3600.0, 60.0, "min"), (86400.0, 3600.0, "h")):
        if seconds < limit:
            return f"{seconds / divisor:.0f} {unit} ago" if seconds >= 60 else "just now"
    days = round(seconds / 86400)
    return f"{days} day{'s' * (days > 1)} ago"


def number(value: float | None) -> str:
    """A loss or a norm: 1.523, 2.41e+03; a dash while it is unknown."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.3g}"
