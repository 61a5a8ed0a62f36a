"""The lab, opened as the command line says, then the environment, then config.toml, then as it was left."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace

from lstm_ext.data import DEFAULT_TEXT
from lstm_ext.engine.backend import VARIABLE
from lstm_ext.errors import ArgumentError
from lstm_ext.train.run_config import RunConfig

from ..app.remembered import Remembered
from ..app.session import THREADS, Opening, Wish
from ..errors import UsageError
from ..lessons.log import Lesson
from ..settings import FPS_VARIABLE, MAX_FPS, MIN_FPS, Settings, accepted, read_settings
from .options import as_option

#: What Textual calls them.
_COLOR_SYSTEMS = {"16": "standard", "256": "256", "truecolor": "truecolor"}


def open_lab(
    opening: Opening,
    options: Mapping[str, object] | None = None,
    *,
    ascii_only: bool = False,
    record: str | None = None,
) -> int:
    """Open the lab; returns its exit status. ``options`` are settings of a run that were given; ``record``: as for
    ``run_lab``.

    ``opening.data`` and ``opening.encoding`` are "" unless they were given. Raises UsageError, LabError.
    """
    settings, last = _settings()
    options = options or {}
    if opening.data or opening.checkpoint or options or settings.network:
        last = replace(last, network={})
    network, _ = accepted(settings.network, options)
    if VARIABLE in os.environ:
        network.pop("backend", None)
    try:
        config = RunConfig.from_options({"threads": THREADS, **options})
    except ArgumentError as error:
        raise UsageError(as_option(error)) from error
    wished = RunConfig.from_options({"threads": THREADS, **last.network, **network, **options})
    if opening.data:
        opening = replace(opening, encoding=opening.encoding or "utf-8")
        wish = Wish(wished, opening.data, opening.encoding)
    else:
        known = (settings.data, settings.encoding) if settings.data or options else (last.data, last.encoding)
        wish = Wish(wished, os.path.expanduser(known[0] or DEFAULT_TEXT), opening.encoding or known[1])
        opening = replace(opening, data=DEFAULT_TEXT, encoding="utf-8")
    if opening.checkpoint is not None:
        config = wished
    elif wish != Wish(config, opening.data, opening.encoding):
        opening = replace(opening, wish=wish)
    from ..app.lab import run_lab  # Textual reads the environment when it is imported

    return run_lab(config, opening, ascii_only=ascii_only or _in_ascii(settings), record=record, settings=settings)


def open_replay(lesson: Lesson, *, ascii_only: bool = False) -> int:
    """Replay a lesson in a lab that looks as always; returns its exit status. Raises UsageError, LabError."""
    settings, _ = _settings()
    from ..app.replay import run_replay  # Textual reads the environment when it is imported

    return run_replay(lesson, ascii_only=ascii_only or _in_ascii(settings), settings=settings)


def _settings() -> tuple[Settings, Remembered]:
    """Those of config.toml, with the theme that the lab was left with; and with what else it was left with."""
    settings = read_settings()
    last = Remembered.read() if settings.remember else Remembered()
    settings = replace(settings, theme=settings.theme or last.theme or None)
    _prepare(settings)
    return settings, last


def _in_ascii(settings: Settings) -> bool:
    """Whether the lab draws with ASCII characters only: the terminal may know no others."""
    return settings.ascii_only or not (sys.stderr.encoding or "").lower().startswith("utf")


def _prepare(settings: Settings) -> None:
    """What the lab takes from the environment, where that says nothing else."""
    fps = os.environ.get(FPS_VARIABLE)
    if fps is not None and not (fps.isdecimal() and MIN_FPS <= int(fps) <= MAX_FPS):
        raise UsageError(f"{FPS_VARIABLE}: got {fps!r}, expected a whole number from {MIN_FPS} to {MAX_FPS}")
    if fps is None and settings.fps is not None:
        os.environ[FPS_VARIABLE] = str(settings.fps)
    if settings.colors == "none":
        os.environ.setdefault("NO_COLOR", "1")
    elif settings.colors in _COLOR_SYSTEMS:
        os.environ.setdefault("TEXTUAL_COLOR_SYSTEM", _COLOR_SYSTEMS[settings.colors])
