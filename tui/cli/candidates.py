"""What shells offer as an option's value, beyond the choices that argparse knows: files, and our own names."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

SHELLS = ("bash", "zsh", "fish")


def _function(name: str) -> dict[str, str]:
    """How each shell calls a function that ``preamble`` defines, in the form that shtab takes."""
    return {"bash": name, "zsh": name, "fish": f"({name})"}


TEXTS, CHECKPOINTS = map(_function, ("_lstm_lab_texts", "_lstm_lab_checkpoints"))
EXPERIMENTS, EXERCISES, TOPICS = map(_function, ("_lstm_lab_experiments", "_lstm_lab_exercises", "_lstm_lab_topics"))
FILES = {"bash": "_shtab_compgen_files", "zsh": "_files", "fish": "(__fish_complete_path (commandline -ct))"}
FOLDERS = {"bash": "_shtab_compgen_dirs", "zsh": "_files -/", "fish": "(__fish_complete_directories)"}


def completes(action: argparse.Action, candidates: dict[str, str]) -> None:
    """Lets the shell offer ``candidates`` as the value of an option."""
    action.complete = candidates  # type: ignore[attr-defined]  # where shtab looks for it


def preamble(
    shell: str, texts: Sequence[str], experiments: Sequence[str], exercises: Sequence[str], topics: Sequence[str]
) -> str:
    """The functions named above, in the language of that shell."""
    files = {
        "bash": {
            "_lstm_lab_texts": f'compgen -W "{" ".join(texts)}" -- "$1"; compgen -f -- "$1"',
            "_lstm_lab_checkpoints": 'compgen -f -X "!*.safetensors" -- "$1"; compgen -d -- "$1"',
            "_lstm_lab_experiments": f'compgen -W "{" ".join(experiments)}" -- "$1"',
            "_lstm_lab_exercises": f'compgen -W "{" ".join(exercises)}" -- "$1"; compgen -f -X "!*.py" -- "$1"',
            "_lstm_lab_topics": f'compgen -W "{" ".join(topics)}" -- "$1"',
        },
        "zsh": {
            "_lstm_lab_texts": f"_alternative 'texts:built-in text:({' '.join(texts)})' 'files:file:_files'",
            "_lstm_lab_checkpoints": "_files -g '*.safetensors'",
            "_lstm_lab_experiments": f"_values experiment {' '.join(experiments)}",
            "_lstm_lab_exercises": f"_alternative 'ids:exercise:({' '.join(exercises)})' 'files:file:_files -g \\*.py'",
            "_lstm_lab_topics": f"_values topic {' '.join(topics)}",
        },
        "fish": {
            "_lstm_lab_texts": f"printf '%s\\n' {' '.join(texts)}; __fish_complete_path (commandline -ct)",
            "_lstm_lab_checkpoints": "__fish_complete_suffix .safetensors",
            "_lstm_lab_experiments": f"printf '%s\\n' {' '.join(experiments)}",
            "_lstm_lab_exercises": f"printf '%s\\n' {' '.join(exercises)}; __fish_complete_suffix .py",
            "_lstm_lab_topics": f"printf '%s\\n' {' '.join(topics)}",
        },
    }
    form = "function {0}\n  {1}\nend\n" if shell == "fish" else "{0}() {{\n  {1}\n}}\n"
    return "".join(form.format(name, body) for name, body in files[shell].items())
