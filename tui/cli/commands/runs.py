"""Past runs and their checkpoints: those that were written or opened, those in this folder, and training that was not
saved. Without an action, a list."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from ...errors import UsageError
from ..candidates import CHECKPOINTS, FILES, completes
from ..options import add_json
from ..output import columns, console, note, show

if TYPE_CHECKING:
    from ...runs.known import Run

ORDERS = ("when", "loss", "name", "text", "size", "steps")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action")

    def action(name: str, summary: str, *, run: bool = True) -> argparse.ArgumentParser:
        added = actions.add_parser(name, prog=f"lstm-lab runs {name}", help=summary, description=summary)
        if run:
            what = "its path, or its name in the list"
            completes(added.add_argument("which", metavar="RUN", help=what), CHECKPOINTS)
        added.set_defaults(act=_ACTIONS[name])
        return added

    def listing(added: argparse.ArgumentParser) -> None:
        added.add_argument("--sort", choices=ORDERS, default="when", help="which come first (default: when)")
        added.add_argument("--filter", metavar="WORDS", default="", help="those whose name, text or network has them")
        add_json(added)

    listing(parser)
    listing(action("list", "every run that is known", run=False))
    add_json(action("show", "what is known of one run"))
    rename = action("rename", "give a run's file another name in its folder; nothing is replaced")
    rename.add_argument("name", metavar="NAME")
    delete = action("delete", "remove a run's file for good, or forget one that is gone; asks first")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    action("forget", "forget all runs whose files are gone", run=False)
    export = action("export", "write a run's loss curve to a file")
    completes(export.add_argument("file", metavar="FILE", help="ends in .csv or .json"), FILES)


def run(arguments: argparse.Namespace) -> int:
    act = getattr(arguments, "act", _list)
    status: int = act(arguments)
    return status


def _known() -> list[Run]:
    from ...app.recovery import recovery_folder
    from ...runs.known import KnownRuns
    from ...runs.registry import Registry

    return KnownRuns(Registry(), recovery_folder()).find()


def _list(arguments: argparse.Namespace) -> int:
    from ...runs.order import arranged
    from ...text.runs import as_dict, table

    known = _known()
    found = arranged(known, arguments.sort, arguments.filter)
    if arguments.json:
        print(json.dumps({"runs": [as_dict(run) for run in found if run.kind != "earlier"]}))
        return 0
    if not found:
        none = "no runs yet: `lstm-lab train` begins one"
        show(f"none of {len(known)} runs has {arguments.filter!r}" if known else none)
        return 0
    for line in table(found, columns(), ascii_only=not console().encoding.startswith("utf")):
        show(line)
    return 0


def _chosen(which: str) -> Run:
    """The run at a path, or the only one of that name. Raises ``UsageError``."""
    known = [each for run in _known() for each in (run, *run.earlier)]
    paths = {os.path.abspath(which), os.path.abspath(which + ".safetensors")}
    found = [run for run in known if run.path in paths] or [run for run in known if run.name == which]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"RUN: {len(found)} runs are called {which}; expected a path, such as {found[0].path}")
    raise UsageError(f"RUN: no run is called {which}; `lstm-lab runs` lists those that are known")


def _show(arguments: argparse.Namespace) -> int:
    from ...text.runs import as_dict, facts

    run = _chosen(arguments.which)
    if arguments.json:
        print(json.dumps(as_dict(run)))
        return 0
    for label, fact in facts(run).items():
        show(f"{label:<14}{fact}")
    for old in run.earlier:
        show(f"{'earlier':<14}{old.path}")
    return 0


def _rename(arguments: argparse.Namespace) -> int:
    from lstm_ext.errors import ArgumentError

    from ...runs.files import rename
    from ...runs.registry import Registry

    run = _chosen(arguments.which)
    _check_there(run)
    if run.kind == "unsaved":
        raise UsageError("RUN: is training that was not saved; open the lab to save it under a name")
    try:
        show(f"{run.path} is now {rename(run, arguments.name, Registry())}")
    except ArgumentError as error:
        raise UsageError(str(error).replace("name:", "NAME:").replace("path:", "NAME:")) from None
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    from ...runs.files import delete
    from ...runs.registry import Registry
    from ...text.runs import facts

    run = _chosen(arguments.which)
    if not (run.gone or arguments.yes):
        if not sys.stdin.isatty():
            raise UsageError("--yes: missing; without a terminal nobody can be asked whether to delete the file")
        known = facts(run)
        note(f"{run.path}: {known.get('done', known.get('problem', ''))}")
        print("Delete it for good? [y/N] ", end="", flush=True)
        if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
            show("kept")
            return 1
    delete(run, Registry())
    show(f"{run.path}: {'forgotten' if run.gone else 'deleted'}")
    return 0


def _forget(arguments: argparse.Namespace) -> int:
    from ...runs.files import forget_gone
    from ...runs.registry import Registry

    show(f"forgotten: {forget_gone(_known(), Registry())}")
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from lstm_ext.files import write_atomically

    from ...text.curve import as_csv, as_json
    from ...text.runs import as_dict

    run = _chosen(arguments.which)
    suffix = os.path.splitext(arguments.file)[1].lower()
    if suffix not in (".csv", ".json"):
        raise UsageError(f"FILE: got {arguments.file}, expected a name that ends in .csv or .json")
    _check_there(run)
    assert run.curve is not None
    write_atomically(arguments.file, as_csv(run.curve) if suffix == ".csv" else as_json(run.curve, as_dict(run)))
    show(f"wrote {arguments.file}")
    return 0


def _check_there(run: Run) -> None:
    """Raises CheckpointError for a file that is gone or damaged."""
    from lstm_ext.errors import CheckpointError

    if run.header is None:
        raise CheckpointError(f"{run.path}: {run.problem}")


_ACTIONS = {"list": _list, "show": _show, "rename": _rename, "delete": _delete, "forget": _forget, "export": _export}
