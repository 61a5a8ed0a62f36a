"""The format of a recorded lesson: JSON lines, a header and then ``[seconds, kind, value]``.

==========  ============================================================================================
``do``      a command that was run: {"id", "name", "key", "screen"}. It is shown to the viewer, and never run.
``state``   all that is shown: {"screen", "subject", …}, the rest as the screen's ``state()`` has it.
``net``     the network in training: {"run", "step", "checkpoint": base64 of a checkpoint file}.
``train``   the numbers of a snapshot of the run, between two networks.
``note``    what the author says to the viewer; "" ends it.
``end``     the recording was ended in the ordinary way.
==========  ============================================================================================

Each event stands for itself: what a viewer sees at some time is the last state, network, snapshot and note before it.
So seeking is a search, a terminal of another size replays as well, and one who joins late needs one state and one
network. Nothing in a lesson is executed. Numbers of training are those that were recorded; nothing is trained again.

Events of an unknown kind are skipped, so that later versions may add some.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import itertools
import json
import os
import re
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import IO, Any

from lstm_ext.errors import DataError

FORMAT = "lstm-lab lesson"
VERSION = 1
SUFFIX = ".jsonl"
PACKED = ".jsonl.gz"
#: A recording ends by itself before it is larger or longer.
MAX_BYTES = 256 << 20
MAX_SECONDS = 24 * 3600.0
#: Only a network's line may be longer than the first of them.
MAX_LINE, MAX_NETWORK = 64 << 10, 64 << 20
MAX_NOTE = 500
#: Levels of lists and objects within a state.
_DEPTH = 6
#: Numbers of a snapshot, as ``train`` events hold them.
PROGRESS = (
    *("step", "epoch", "loss", "smoothed", "val_loss", "best_val", "best_step"),
    *("bits_per_char", "grad_norm", "lr", "chars_per_second", "seconds"),
)
_WHOLE = ("step", "best_step")
#: None where there is no such number, or none yet.
_OPTIONAL = ("loss", "smoothed", "val_loss", "best_val", "bits_per_char", "grad_norm")
STATUSES = ("ready", "running", "paused", "finished", "stopped", "failed")

Value = dict[str, Any]


@dataclass(frozen=True)
class Header:
    """What is known of a lesson before it begins."""

    title: str = ""
    #: The lab that recorded it.
    lab: str = ""

    def line(self) -> str:
        """As the first line of the log."""
        known = {"format": FORMAT, "version": VERSION, "title": self.title, "lab": self.lab}
        return json.dumps(known, ensure_ascii=False)


@dataclass(frozen=True)
class Moment:
    """What is seen at some time; each part is the event itself, so that an unchanged one is the same object."""

    state: Value | None = None
    net: Value | None = None
    #: The next network of the same run: its loss curve holds this moment's.
    ahead: Value | None = None
    train: Value | None = None
    note: str = ""
    did: Value | None = None


@dataclass
class Track:
    """The events of one kind, in the order of their times."""

    times: list[float] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def index(self, time: float) -> int:
        """Of the last event up to ``time``, or -1."""
        return bisect_right(self.times, time) - 1

    def at(self, time: float) -> Any:
        """The last event up to ``time``, or None."""
        index = self.index(time)
        return self.values[index] if index >= 0 else None


class Lesson:
    """A recorded lesson."""

    def __init__(self, header: Header, events: Sequence[tuple[float, str, Any]], *, folder: Path | None = None) -> None:
        """``folder`` holds the texts that are not built in."""
        self.header, self.folder = header, folder
        self.tracks = {kind: Track() for kind in ("do", "state", "net", "train", "note", "end")}
        for time, kind, value in events:
            self.tracks[kind].times.append(time)
            self.tracks[kind].values.append(value)
        #: Its length in seconds.
        self.seconds = max((time for time, _, _ in events), default=0.0)

    def at(self, time: float) -> Moment:
        """What is seen ``time`` seconds after the beginning."""
        tracks = self.tracks
        nets = tracks["net"]
        index = nets.index(time)
        net = nets.values[index] if index >= 0 else None
        following = nets.values[index + 1] if index + 1 < len(nets.values) else None
        train, did = tracks["train"].at(time), tracks["do"]
        last = did.index(time)
        return Moment(
            state=tracks["state"].at(time) or next(iter(tracks["state"].values), None),
            net=net,
            ahead=following if net and following and following["run"] == net["run"] else None,
            train=train if net and train and train["run"] == net["run"] and train["step"] >= net["step"] else None,
            note=tracks["note"].at(time) or "",
            did=did.values[last] if last >= 0 and time - did.times[last] < SHOWN_SECONDS else None,
        )

    def notes(self) -> Iterator[tuple[float, str]]:
        """What the author says, and when."""
        return ((time, note) for time, note in zip(*_columns(self.tracks["note"]), strict=True) if note)


#: How long a command is shown after it was run.
SHOWN_SECONDS = 2.0


def _columns(track: Track) -> tuple[list[float], list[Any]]:
    return track.times, track.values


def network_bytes(net: Mapping[str, Any]) -> bytes:
    """The checkpoint in a ``net`` event."""
    return base64.b64decode(net["checkpoint"])


# Reading.


def shipped() -> dict[str, str]:
    """The lessons that come with the lab: name and title."""
    folder = resources.files(__package__)
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(PACKED))
    found = {}
    for name in names:
        with (folder / name).open("rb") as file, gzip.open(file, "rt", encoding="utf-8") as lines:
            found[name.removesuffix(PACKED)] = _header(lines.readline(MAX_LINE), name).title
    return found


def load_lesson(name: str) -> Lesson:
    """A shipped lesson by its name, or one from a file. Raises DataError, in one line."""
    if re.fullmatch(r"[a-z0-9-]+", name) and not os.path.exists(name):
        known = shipped()
        if name not in known:
            raise DataError(f"there is no lesson {name!r} and no such file; the lab has {', '.join(known) or 'none'}")
        with (resources.files(__package__) / f"{name}{PACKED}").open("rb") as file:
            return _read(file, name, packed=True, folder=None)
    try:
        if not os.path.isfile(name):
            raise DataError(f"{name}: is no file" if os.path.exists(name) else f"{name}: there is no such file")
        with open(name, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            return _read(file, name, packed=packed, folder=Path(name).resolve().parent)
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror or error}") from None


def _read(file: IO[bytes], name: str, *, packed: bool, folder: Path | None) -> Lesson:
    lines = _lines(file, name, packed=packed)
    header = _header(next(lines, b""), name)
    events: list[tuple[float, str, Any]] = []
    time, torn = 0.0, ""
    for number, line in enumerate(lines, 2):
        if torn:
            raise DataError(torn)
        try:
            event = _event(line, time)
        except ValueError as error:
            if line.endswith(b"\n"):
                raise DataError(f"{name}: line {number} is no event of a lesson: {error}") from None
            break  # the recording was cut off here
        if event is not None:
            time = event[0]
            events.append(event)
    if not {"state", "net"} <= {kind for _, kind, _ in events}:
        raise DataError(f"{name}: this lesson shows nothing")
    return Lesson(header, events, folder=folder)


def _lines(file: IO[bytes], name: str, *, packed: bool) -> Iterator[bytes]:
    """Line by line, each and all of them of bounded size."""
    stream: IO[bytes] = gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[assignment]
    left = MAX_BYTES
    for number in itertools.count(1):
        try:
            line = stream.readline(MAX_NETWORK + 1)
        except (OSError, EOFError, zlib.error):
            if number == 1:
                raise DataError(f"{name}: is no lesson, or is damaged") from None
            return  # cut off
        left -= len(line)
        if left < 0 or len(line) > MAX_NETWORK:
            raise DataError(f"{name}: is larger than any lesson")
        if not line:
            return
        yield line


def _header(line: bytes | str, name: str) -> Header:
    try:
        known = _parsed(line)
    except ValueError:
        known = None
    if not isinstance(known, dict) or known.get("format") != FORMAT:
        raise DataError(f"{name}: is no recorded lesson of this lab")
    if known.get("version") != VERSION:
        raise DataError(f"{name}: was recorded in version {known.get('version')!r}, and only {VERSION} is known")
    title, lab = known.get("title"), known.get("lab")
    if not (isinstance(title, str) and isinstance(lab, str) and len(title) + len(lab) <= MAX_NOTE):
        raise DataError(f"{name}: its first line is damaged")
    return Header(title, lab)


def _parsed(line: bytes | str) -> Any:
    """JSON with finite numbers. Raises ValueError."""

    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is no number")

    try:
        return json.loads(line, parse_constant=refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _event(line: bytes, earliest: float) -> tuple[float, str, Any] | None:
    """An event; None for one of an unknown kind. Raises ValueError."""
    if len(line) > MAX_LINE and b'"net"' not in line[:64]:
        raise ValueError("it is too long")
    event = _parsed(line)
    if not (isinstance(event, list) and len(event) == 3 and isinstance(event[1], str)):
        raise ValueError("expected [seconds, kind, value]")
    time, kind, value = event
    if not _is_number(time) or not earliest <= time <= MAX_SECONDS:
        raise ValueError(f"its time is {str(time)[:20]}")
    match kind:
        case "note":
            if not isinstance(value, str) or len(value) > MAX_NOTE:
                raise ValueError("a note is a short text")
        case "do":
            _check_texts(value, ("id", "name", "key", "screen"))
        case "state":
            _check_texts(value, ("screen",))
            _check_depth(value, _DEPTH)
        case "net":
            _check_network(value)
        case "train":
            _check_progress(value)
        case "end":
            pass
        case _:
            return None
    return float(time), kind, value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _check_texts(value: object, names: Sequence[str]) -> None:
    if not isinstance(value, dict) or not all(isinstance(value.get(name), str) for name in names):
        raise ValueError(f"expected {', '.join(names)}")
    if any(len(value[name]) > MAX_NOTE for name in names):
        raise ValueError("a text in it is too long")


def _check_depth(value: object, left: int) -> None:
    if isinstance(value, dict | list):
        if not left:
            raise ValueError("it is nested too deeply")
        for entry in value.values() if isinstance(value, dict) else value:
            _check_depth(entry, left - 1)


def _check_network(value: object) -> None:
    if not isinstance(value, dict) or not (_is_count(value.get("run")) and _is_count(value.get("step"))):
        raise ValueError("expected run, step and checkpoint")
    if not isinstance(value.get("checkpoint"), str):
        raise ValueError("expected run, step and checkpoint")
    try:
        base64.b64decode(value["checkpoint"], validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("its network is damaged") from None


def _check_progress(value: object) -> None:
    if not isinstance(value, dict) or not _is_count(value.get("run")) or value.get("status") not in STATUSES:
        raise ValueError("expected run and status")
    for name in PROGRESS:
        number = value.get(name)
        fits = _is_count(number) if name in _WHOLE else _is_number(number) or (number is None and name in _OPTIONAL)
        if not fits:
            raise ValueError(f"{name} is {str(number)[:20]}")
