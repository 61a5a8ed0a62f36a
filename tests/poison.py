"""Folders in which somebody's homework has the names of modules."""

from __future__ import annotations

from pathlib import Path

#: Imported by the program itself, early and late.
MODULES = ("argparse", "csv", "difflib", "json", "lstm_ext", "numpy", "psutil", "rich", "statistics", "textual", "uuid")


def poison(folder: Path, *more: str) -> None:
    """Modules that end whoever imports them."""
    for name in (*MODULES, *more):
        (folder / f"{name}.py").write_text("raise SystemExit(f'the wrong {__name__}')")
