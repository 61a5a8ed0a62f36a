"""Say where config.toml is, what it may say, and what is wrong with it; or begin one. Without an action, show it."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace

from lstm_ext.errors import LabError
from lstm_ext.files import write_atomically

from ...settings import read_settings, settings_path, template
from ..options import add_json
from ..output import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(act=_show)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    for name, act, what in (
        ("path", _path, "print where the file is, or would be"),
        ("show", _show, "print every setting, with what it does"),
        ("create", _create, "write a file with every setting as a comment, where there is none"),
        (
            "validate",
            _validate,
            "print what is wrong with the file, a line for each problem; exit status 1 if there is any",
        ),
        ("keys", _keys, "print every command that keys can be chosen for: its id, its keys, and what it does"),
    ):
        action = actions.add_parser(name, prog=f"lstm-lab config {name}", help=what, description=what)
        action.set_defaults(act=act)
        if name == "keys":
            add_json(action)


def run(arguments: argparse.Namespace) -> int:
    status: int = arguments.act(arguments)
    return status


def _path(arguments: argparse.Namespace) -> int:
    show(str(settings_path()))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    for line in template(read_settings()).splitlines():
        show(line)
    return 0


def _create(arguments: argparse.Namespace) -> int:
    path = settings_path()
    if os.path.lexists(path):
        raise LabError(f"{path}: is there already; edit it, and `lstm-lab config validate` checks it")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, template())
    show(str(path))
    return 0


def _validate(arguments: argparse.Namespace) -> int:
    from ...app.keymap import key_problems, table
    from ...app.lab import LabApp
    from ...app.replay import ReplayApp

    path, settings = settings_path(), read_settings()
    found = LabApp(settings=replace(settings, keys={})).follow_settings()
    found += key_problems(settings.keys, table(ReplayApp))
    for problem in found:
        show(f"{path}: {problem}")
    if not found:
        show(f"{path}: nothing is wrong with it" if path.exists() else f"{path}: is not there, and need not be")
    return 1 if found else 0


def _keys(arguments: argparse.Namespace) -> int:
    import json

    from ...app.keymap import keymap, table
    from ...app.replay import ReplayApp

    rows = table(ReplayApp)
    chosen = keymap(read_settings().keys, rows)
    commands = [
        {"id": row.id, "keys": chosen.get(row.id, ",".join(row.keys)), "what": row.what} for row in rows.values()
    ]
    if arguments.json:
        show(json.dumps(commands))
        return 0
    width, keys = max(len(row["id"]) for row in commands), max(len(row["keys"]) for row in commands)
    for row in commands:
        show(f"{row['id'].ljust(width)}  {row['keys'].ljust(keys)}  {row['what']}")
    return 0
