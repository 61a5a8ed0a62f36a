"""The command line: ``lstm-lab [COMMAND] …``.

Only the module of the chosen command is imported, and those import what they need when they
run, so that ``--version`` and ``--help`` answer at once.

Exit status: 0 success, 1 failure, 2 wrong usage, 70 a bug of ours, 128 + n ended by signal n.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from difflib import get_close_matches

from lstm_ext.errors import LabError

from .. import limits
from ..errors import UsageError
from .output import note, show
from .parser import COMMANDS, make_parser
from .signals import EndedBySignal, raise_ended

#: EX_SOFTWARE of sysexits.h
BUG_STATUS = 70
SIGPIPE_STATUS = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. ``arguments`` default to the process's own."""
    if arguments is None:  # the process is ours
        raise_ended()
        # What closed standard streams leave free must not become the descriptors of our files.
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
            pass
        os.close(descriptor)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed, as by `>&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a console that lacks a symbol gets "?" instead of a crash
            stream.reconfigure(errors="replace")
    return guarded(lambda: _run(list(sys.argv[1:] if arguments is None else arguments)))


def guarded(command: Callable[[], int]) -> int:
    """Run ``command``; any error becomes one line on standard error and an exit status.

    LSTM_LAB_DEBUG=1 shows the traceback instead of the line.
    """
    try:
        try:
            status = command()
        except SystemExit as done:  # argparse, after --help and --version
            status = int(done.code or 0)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt as interruption:
        with suppress(OSError):
            sys.stdout.flush()  # here, where a pipe that nobody reads ends us in time
        return interruption.status if isinstance(interruption, EndedBySignal) else 130
    except BrokenPipeError:  # the reader of our output has closed it, as in `| head`
        _drop_output()
        return SIGPIPE_STATUS
    except Exception as error:
        if EndedBySignal.came is not None:  # an import in C makes an error of its own of it
            return EndedBySignal.came.status
        if isinstance(error, OSError):
            _drop_output()
        status, message = _explained(error)
        if os.environ.get("LSTM_LAB_DEBUG"):
            import traceback

            for line in "".join(traceback.format_exception(error)).splitlines():
                show(line, sys.stderr)
        else:
            if not message:  # not imported before: memory may be what is lacking
                from ..crash import report

                message = report(error)
            note(f"error: {' '.join(message.split())}")
        return status


def _explained(error: Exception) -> tuple[int, str]:
    """The exit status, and what to tell the user; no text if it is our bug."""
    match error:
        case UsageError():
            return 2, str(error)
        case LabError():
            return 1, str(error)
        case MemoryError():
            detail = f" ({error})" if str(error) else ""
            return 1, f"not enough memory{detail}; choose a smaller network, batch or text"
        case OSError():
            return 1, f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    return BUG_STATUS, ""


def _run(arguments: list[str]) -> int:
    name = arguments[0] if arguments else "lab"
    if name.startswith("-") and name not in ("-h", "--help", "-V", "--version"):
        name, arguments = "lab", ["lab", *arguments]
    elif name not in COMMANDS and not name.startswith("-"):
        close = get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean `lstm-lab {close[0]}`?" if close else "`lstm-lab --help` lists the commands"
        raise UsageError(f"no command {name!r}; {hint}")
    if name in COMMANDS:
        limits.prepare()
    parsed, unknown = make_parser([name]).parse_known_args(arguments or [name])
    if unknown:
        raise UsageError(f"unrecognized arguments: {' '.join(unknown)} (see `lstm-lab {name} --help`)")
    status: int = parsed.run(parsed)
    return status


def _drop_output() -> None:
    """Point standard output at the null device if it is closed: the interpreter's last flush would fail again."""
    try:
        sys.stdout.flush()
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
