"""Keys that the user has chosen: what each command's id stands for, and which choices cannot be."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from itertools import permutations
from pkgutil import iter_modules

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import Keys
from textual.screen import Screen

from . import screens, widgets
from .theme import ThemedApp

#: What the ids of commands begin with that only a replayed lesson has.
LESSON = "replay."
_MODIFIERS = ("ctrl+", "alt+", "shift+", "super+", "hyper+", "meta+")
_NAMES = {str(key.value) for key in Keys}


@dataclass(frozen=True)
class Row:
    """A command that keys can be chosen for, with the keys that it has otherwise."""

    id: str
    keys: tuple[str, ...]
    what: str
    #: The screen or widget that it is a command of, or the app.
    owner: type[DOMNode]


def table(app: type[App[int]]) -> dict[str, Row]:
    """Every command with an id, those of ``app`` first; all screens are imported for it."""
    rows: dict[str, Row] = {}
    of_app = [(app, base) for base in app.__mro__ if issubclass(base, ThemedApp)]
    for owner, declared in (*of_app, *((kind, kind) for kind in _classes())):
        for binding in Binding.make_bindings(vars(declared).get("BINDINGS", ())):
            if binding.id is not None:
                keys = (*(rows[binding.id].keys if binding.id in rows else ()), binding.key)
                rows[binding.id] = Row(binding.id, tuple(dict.fromkeys(keys)), binding.tooltip, owner)
    return rows


def _classes() -> Iterator[type[DOMNode]]:
    for package in (screens, widgets):
        for found in iter_modules(package.__path__, f"{package.__name__}."):
            module = import_module(found.name)
            for name in vars(module).values():
                if isinstance(name, type) and issubclass(name, DOMNode) and name.__module__ == found.name:
                    yield name


def keymap(keys: Mapping[str, str], rows: Mapping[str, Row]) -> dict[str, str]:
    """``keys`` by id, and the same for commands that take turns on a key with one of them and are not named."""
    chosen = {id: keys[id] for id in keys if id in rows}
    for id in tuple(chosen):
        for row in rows.values():
            if _take_turns(row, rows[id]):
                chosen.setdefault(row.id, keys[id])
    return chosen


def key_problems(keys: Mapping[str, str], rows: Mapping[str, Row]) -> list[str]:
    """A line for each id that there is not, key that there is not, and key that two commands would have."""
    found: list[str] = []
    for id, chosen in keys.items():
        if id not in rows:
            found.append(f"keys.{id}: there is no such command{_hint(id, rows)}; `lstm-lab config keys` lists them")
        for key in chosen.split(","):
            if not _is_key(key):
                found.append(f"keys.{id}: there is no key {key!r}{_hint(key, _NAMES)}")
    known = keymap(keys, rows)
    now = {id: set(_normal(known[id])) if id in known else set(row.keys) for id, row in rows.items()}
    for one, other in permutations(rows.values(), 2):
        told = other.id in known and (other.id not in keys or other.id < one.id)  # from the other side
        if one.id not in keys or told or _take_turns(one, other) or not _together(one, other):
            continue
        if clash := (now[one.id] & now[other.id]) - (set(one.keys) & set(other.keys)):
            found.append(f"keys.{one.id}: {' and '.join(sorted(clash))} is {other.id} already ({other.what})")
    return found


def _normal(keys: str) -> list[str]:
    """The keys by the names that Textual has for them: plus for +."""
    return [binding.key for binding in Binding.make_bindings([Binding(keys, "")])]


def _is_key(key: str) -> bool:
    for modifier in _MODIFIERS:
        key = key.removeprefix(modifier)
    return (len(key) == 1 and key.isprintable()) or key in _NAMES or key in _SIGNS


_SIGNS = {"comma"} | {name for sign in "!\"#$%&'()*+-./:;<=>?@[\\]^_`{|}~" for name in _normal(sign)}


def _take_turns(one: Row, other: Row) -> bool:
    """Whether they share their keys from the start, since only one of them makes sense at a time."""
    return one.owner is other.owner and one.keys == other.keys and one.id != other.id


def _together(one: Row, other: Row) -> bool:
    """Whether both can be on the terminal at a time: on one screen, or in the app and anywhere."""
    apps = [issubclass(row.owner, App) for row in (one, other)]
    if one.owner is other.owner or all(apps):
        return True
    if any(apps):  # the keys of a lesson come before those of screens, which have them back when it is left
        return not any(row.id.startswith(LESSON) for row in (one, other))
    for screen, widget in ((one.owner, other.owner), (other.owner, one.owner)):
        if issubclass(screen, Screen) and not issubclass(widget, Screen):
            used = vars(sys.modules[screen.__module__]).values()
            if any(isinstance(name, type) and issubclass(name, widget) for name in used):
                return True
    return False


def _hint(name: str, names: Mapping[str, object] | set[str]) -> str:
    close = get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]}?" if close else ""
