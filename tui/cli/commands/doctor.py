"""Show versions, engine, speed, terminal and texts, and what to improve. Paste the output into a bug report."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rich.filesize import decimal

from lstm_ext import __version__
from lstm_ext.data import BUILTIN, load_text
from lstm_ext.engine.backend import available_backends, backend_name

from ...log import log_path
from ...settings import read_settings, settings_path
from ...text.units import rate
from ..installation import start_times, training_speed, weight
from ..options import add_json
from ..output import show

#: Packages that matter. None of them is imported for this.
PACKAGES = ("numpy", "cffi", "textual", "rich", "matplotlib", "torch")
NOT_INSTALLED = {
    "matplotlib": "not installed (only pictures need it: pip install 'lstm-lab[plots]')",
    "torch": "not installed (only `lstm-lab verify` would use it)",
}
#: How long the speed is measured.
SPEED_SECONDS = 1.0
BLAS_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
SMALLEST = (60, 16)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    report = examine()
    for line in [json.dumps(report)] if arguments.json else _lines(report):
        show(line)
    return 0


def examine() -> dict[str, Any]:
    """All findings, ready for JSON; ``advice`` says in sentences what to improve."""
    report: dict[str, Any] = {
        "lstm_lab": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        **_engine(),
        "speed": training_speed(SPEED_SECONDS),
        "start_seconds": start_times(),
        "installed": weight(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "blas_threads": {name: os.environ[name] for name in BLAS_VARIABLES if name in os.environ},
        "terminal": _terminal(),
        "texts": _texts(),
        "config": {"path": str(settings_path()), "problems": list(read_settings().problems)},
        "log": str(log_path()),
        "writable": {
            folder: os.access(folder, os.W_OK) for folder in dict.fromkeys((os.getcwd(), tempfile.gettempdir()))
        },
    }
    report["advice"] = _advice(report)
    return report


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _engine() -> dict[str, Any]:
    available = available_backends()
    core: dict[str, Any] | None = None
    if "c" in available:
        from lstm_ext.engine.core import compiler, default_kernel, kernels

        core = {"kernel": default_kernel(), "kernels": list(kernels()), "compiler": compiler()}
    return {"backend": backend_name(), "backends": list(available), "core": core}


def _terminal() -> dict[str, Any]:
    size = shutil.get_terminal_size()
    return {
        "is_terminal": sys.stdout.isatty(),
        "columns": size.columns,
        "rows": size.lines,
        "term": os.environ.get("TERM", ""),
        "colours": _colours(),
        "encoding": sys.stdout.encoding,
        "unicode": "utf" in (sys.stdout.encoding or "").lower(),
        "ssh": "SSH_CONNECTION" in os.environ,
    }


def _colours() -> str:
    if os.environ.get("NO_COLOR"):
        return "none (NO_COLOR)"
    term = os.environ.get("TERM", "")
    if os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "16 million"
    if term == "dumb":
        return "none"
    return "256" if "256" in term else "16"


def _texts() -> dict[str, int]:
    """Each built-in text and its length."""
    return {name: len(load_text(name)) for name in BUILTIN}


def _advice(report: dict[str, Any]) -> list[str]:
    advice = []
    if "c" not in report["backends"]:
        advice.append(
            "The C core was not built, so NumPy does the work: the same results, many times slower. Install a C "
            "compiler and Python's headers (Debian: apt install gcc python3-dev; Fedora: dnf install gcc "
            "python3-devel; macOS: xcode-select --install), then install lstm-lab again."
        )
    elif report["backend"] != "c":
        advice.append("LSTM_LAB_BACKEND chooses the NumPy twin; unset it for the faster C core.")
    if report["backend"] == "numpy" and not report["blas_threads"]:
        advice.append("OPENBLAS_NUM_THREADS=1 often makes the NumPy twin faster at small sizes.")
    terminal = report["terminal"]
    if not terminal["is_terminal"]:
        advice.append("Output is not a terminal here, so the app will not open; the other commands work.")
    elif terminal["columns"] < SMALLEST[0] or terminal["rows"] < SMALLEST[1]:
        advice.append(f"The app needs at least {SMALLEST[0]} columns and {SMALLEST[1]} rows: enlarge the terminal.")
    if not terminal["unicode"]:
        advice.append("The terminal's encoding is not UTF-8: `lstm-lab --ascii` draws with ASCII only.")
    for problem in report["config"]["problems"]:
        advice.append(f"config.toml: {problem}; `lstm-lab config validate` says more.")
    for folder, good in report["writable"].items():
        if not good:
            advice.append(f"{folder} is not writable: give --checkpoint a path elsewhere.")
    return advice


def _weight_text(sizes: dict[str, int]) -> str:
    largest = ", ".join(f"{name} {decimal(size)}" for name, size in list(sizes.items())[:3])
    return f"{decimal(sum(sizes.values()))} in {len(sizes)} packages; the largest: {largest}"


def _lines(report: dict[str, Any]) -> list[str]:
    core, speed, start = report["core"], report["speed"], report["start_seconds"]
    engine = {"c": "the C core", "numpy": "the NumPy twin"}
    threads_used = f"{speed['threads']} thread{'s' * (speed['threads'] > 1)}"
    kernel = f", kernel {speed['kernel']}" if speed["kernel"] else ""
    terminal = report["terminal"]
    threads = ", ".join(f"{name}={value}" for name, value in report["blas_threads"].items())
    rows = [
        ("lstm-lab", report["lstm_lab"]),
        ("Python", f"{report['python']} ({report['executable']})"),
        ("system", report["system"]),
        *((name, found or NOT_INSTALLED.get(name, "not installed")) for name, found in report["packages"].items()),
        ("installed", _weight_text(report["installed"])),
        ("starting", f"import lstm_ext {start['import']:.2f} s, then the first model {start['first_model']:.2f} s"),
        ("backend", f"{report['backend']} ({engine[report['backend']]})"),
        (
            "speed",
            f"trains {rate(speed['chars_per_second'])} characters per second ({speed['network']}; "
            f"{engine[speed['backend']]}{kernel}, {threads_used})",
        ),
    ]
    if core:
        rows += [
            ("kernel", f"{core['kernel']} (this machine can run: {', '.join(core['kernels'])})"),
            ("compiler", core["compiler"]),
        ]
    rows += [
        ("CPUs", str(report["cpus"])),
        ("BLAS threads", threads or "as NumPy chooses"),
        (
            "terminal",
            f"{terminal['columns']}×{terminal['rows']}, TERM={terminal['term'] or 'unset'}, {terminal['colours']} "
            f"colours, {terminal['encoding']}{', over SSH' if terminal['ssh'] else ''}"
            if terminal["is_terminal"]
            else "output is not a terminal",
        ),
        ("texts", ", ".join(f"{name} ({length:,})" for name, length in report["texts"].items())),
        ("config", report["config"]["path"] + ("" if os.path.exists(report["config"]["path"]) else " (not there)")),
        ("log", report["log"]),
        ("writable", ", ".join(folder for folder, good in report["writable"].items() if good) or "nothing"),
    ]
    lines = [f"{name:<14}{value}" for name, value in rows]
    advice = [f"- {sentence}" for sentence in report["advice"]]
    return [*lines, "", *(advice or ["Nothing to improve."])]
