"""config.toml: what the lab is told once and for all.

:class:`Settings` is the one schema: defaults, checks, ``lstm-lab config`` and docs/configuration.md come from its
fields. What the environment or the command line says wins over the file.
"""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from lstm_ext.errors import ArgumentError
from lstm_ext.train.run_config import RunConfig

from .toml import tomllib

#: Names another file.
VARIABLE = "LSTM_LAB_CONFIG"
#: Frames per second, like the setting ``fps``.
FPS_VARIABLE = "LSTM_LAB_FPS"
MIN_FPS, MAX_FPS = 1, 30

#: Returns what a setting was given, or raises ArgumentError, which says what it expected.
Check = Callable[[object], Any]


def _one_of(*names: str) -> Check:
    def check(value: object) -> str:
        if value not in names:
            raise ArgumentError(
                f"got {_quoted(value)}, expected {' or '.join(map(_quoted, names))}{_hint(value, names)}"
            )
        return str(value)

    return check


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ArgumentError(f"got {_quoted(value)}, expected true or false")
    return value


def _name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ArgumentError(f"got {_quoted(value)}, expected a name in quotes")
    return value


def _fps(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not MIN_FPS <= value <= MAX_FPS:
        raise ArgumentError(f"got {_quoted(value)}, expected a whole number from {MIN_FPS} to {MAX_FPS}")
    return value


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ArgumentError(f"got {_quoted(value)}, expected a table, which begins with its name in brackets")
    return value


def _setting(default: Any, check: Check, example: object, doc: str) -> Any:
    made = {"default_factory": dict} if check is _table else {"default": default}
    return field(**made, metadata={"check": check, "example": example, "doc": doc})


@dataclass(frozen=True)
class Settings:
    """What config.toml says; None where it says nothing."""

    theme: str | None = _setting(
        None, _name, "light", "The colors: dark, light, or the name of a theme of the command palette."
    )
    colors: str = _setting(
        "auto",
        _one_of("auto", "none", "16", "256", "truecolor"),
        "256",
        "How many colors the terminal has. NO_COLOR in the environment wins.",
    )
    glyphs: str = _setting(
        "auto", _one_of("auto", "ascii"), "ascii", "ascii draws with ASCII characters only, as --ascii does."
    )
    fps: int | None = _setting(
        None, _fps, 5, "Frames per second, at most; 10 unless it is said, and 4 over SSH. LSTM_LAB_FPS wins."
    )
    mouse: bool = _setting(
        True, _switch, False, "Whether the lab takes the mouse; without it, the terminal's own selecting works."
    )
    data: str | None = _setting(
        None, _name, "hamlet", "The text that the lab opens with: a built-in one or a path, as for --data."
    )
    encoding: str = _setting("utf-8", _name, "latin-1", "How that text is encoded, as for --encoding.")
    remember: bool = _setting(
        True,
        _switch,
        False,
        "Whether the lab opens with the theme, the text and the network that it was left with, where neither this file "
        "nor the command line says another.",
    )
    log: bool = _setting(
        True, _switch, False, "Whether starts, ends, errors and slow frames are written to a log file; never a text."
    )
    network: Mapping[str, object] = _setting(
        None,
        _table,
        {"cell": "gru", "hidden_size": 256, "lr": 0.002},
        "What the networks of the lab are made of, by the names of the options of `lstm-lab lab`. "
        "Commands such as `lstm-lab train` take theirs from the command line alone.",
    )
    keys: Mapping[str, str] = _setting(
        None,
        _table,
        {"train.pause": "space,p", "lab.copy": "f4,y"},
        "Other keys for commands, by their ids, which `lstm-lab config keys` lists. Commands that take turns on a key, "
        "such as train.pause and train.resume, move together unless both are named.",
    )
    #: What was wrong with the file, a line each; the settings in question have their defaults.
    problems: tuple[str, ...] = ()

    @property
    def ascii_only(self) -> bool:
        """Whether the file asks for ASCII."""
        return self.glyphs == "ascii"


def schema() -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    """Every setting: its name, its default, and the check, an example and a sentence or two about it."""
    for entry in fields(Settings):
        if entry.metadata:
            yield entry.name, {} if entry.metadata["check"] is _table else entry.default, entry.metadata


def settings_path() -> Path:
    """Where config.toml is, or would be; on Linux ~/.config/lstm-lab/config.toml."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else user_config_path("lstm-lab", appauthor=False) / "config.toml"


def read_settings(path: Path | None = None) -> Settings:
    """What the file at ``path`` (None: where it belongs) says. Whatever is in it, there are settings to start with."""
    path = path or settings_path()
    try:
        content = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return Settings(problems=(f"is not there, but {VARIABLE} names it",) if os.environ.get(VARIABLE) else ())
    except OSError as error:
        return Settings(problems=(f"cannot be read: {error.strerror}",))
    except UnicodeDecodeError:
        return Settings(problems=("is not UTF-8",))
    try:
        return parsed(tomllib.loads(content))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return Settings(problems=(f"is not TOML: {error}",))


def parsed(table: Mapping[str, object]) -> Settings:
    """The settings of a file's ``table``, with the problems that it has."""
    known = {name: metadata for name, _, metadata in schema()}
    given: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in table.items():
        if name not in known:
            problems.append(f"{name}: there is no such setting{_hint(name, known)}")
            continue
        try:
            given[name] = known[name]["check"](value)
        except ArgumentError as error:
            problems.append(f"{name}: {error}")
    given["network"], wrong = accepted(given.get("network", {}), {})
    problems += wrong
    given["keys"], wrong = _keys(given.get("keys", {}))
    return Settings(**given, problems=(*problems, *wrong))


def accepted(table: Mapping[str, object], beside: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """Of the options in ``table``, those that a network can have ``beside`` others; and what is wrong with the rest."""
    good: dict[str, object] = {}
    problems = []
    for name in sorted(table, key=lambda name: name != "cell"):  # which decides what other options are possible
        try:
            RunConfig.from_options({**good, name: table[name], **beside})
        except ArgumentError as error:
            problems.append(f"network.{error}")
        else:
            good[name] = table[name]
    return good, problems


def _keys(table: Mapping[str, object]) -> tuple[dict[str, str], list[str]]:
    """Ids with keys, also where the file has them without quotes: ``train.pause`` is then a table in a table."""
    good: dict[str, str] = {}
    problems = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            inner, wrong = _keys({f"{name}.{rest}": keys for rest, keys in value.items()})
            good |= inner
            problems += wrong
        elif isinstance(value, str) and all(key.strip() for key in value.split(",")):
            good[name] = ",".join(key.strip() for key in value.split(","))
        else:
            problems.append(f'keys.{name}: got {_quoted(value)}, expected keys in quotes, such as "p" or "space,p"')
    return good, problems


def template(settings: Settings | None = None) -> str:
    """The whole of config.toml: each setting under what it does; those that ``settings`` leave alone are comments."""
    settings = settings or Settings()
    lines = []
    for name, default, metadata in schema():
        value = getattr(settings, name)
        lines += ["", *(f"# {line}" for line in _folded(str(metadata["doc"])))]
        if metadata["check"] is not _table:
            said = value != default
            shown = value if said or default is None else default
            example = metadata["example"] if shown is None else shown
            lines.append(f"{'' if said else '# '}{name} = {_toml(example)}")
            continue
        entries, mark = (value, "") if value else (metadata["example"], "# ")
        lines.append(f"{mark}[{name}]")
        lines += [f"{mark}{_toml_key(key)} = {_toml(entry)}" for key, entry in entries.items()]
    return "\n".join(lines).strip() + "\n"


def _folded(text: str) -> list[str]:
    return textwrap.wrap(text, 100, break_on_hyphens=False, break_long_words=False)


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # the same for strings, numbers and true and false


def _toml_key(key: str) -> str:
    return key if key.isidentifier() else _toml(key)


def _quoted(value: object) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


def _hint(value: object, names: Any) -> str:
    close = get_close_matches(str(value), list(names), n=1)
    return f"; did you mean {close[0]}?" if close else ""
