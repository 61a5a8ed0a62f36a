"""Shell completion: what bash really offers, and that zsh's and fish's scripts can be read by them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_ext.cells import CELLS
from lstm_ext.experiments import NAMES
from lstm_lab.cli.candidates import SHELLS
from lstm_lab.cli.main import main
from lstm_lab.cli.parser import COMMANDS

ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
function="$(complete -p lstm-lab | sed 's/.*-F \\([^ ]*\\).*/\\1/')"
"$function" lstm-lab "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    def script(shell: str) -> str:
        assert main(["completion", shell]) == 0
        return capsys.readouterr().out

    return script


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ([""], set(COMMANDS)),
        (["tr"], {"train"}),
        (["train", "--cel"], {"--cell"}),
        (["train", "--cell", ""], set(CELLS)),
        (["train", "--data", "h"], {"hello", "hamlet", "hers.txt"}),
        (["eval", "--data", "her"], {"hers.txt"}),
        (["generate", "--checkpoint", ""], {"m.safetensors", "folder"}),
        (["experiment", ""], set(NAMES)),
        (["experiment", "mem"], {"memory"}),
        (["experiment", "memory", "--save", ""], {"folder"}),
        (["completion", ""], set(SHELLS)),
        (["learn", "ch"], {"check"}),
        (["learn", "start", "clip"], {"clip_gradients"}),
        (["learn", "check", "m"], {"mine.py"}),
        (["learn", "start", "--folder", ""], {"folder"}),
    ],
    ids=lambda names: " ".join(names if isinstance(names, list) else sorted(names)),
)
def test_bash_offers(words: list[str], offered: set[str], script: Callable[[str], str], tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "folder").mkdir(parents=True)
    for name in ("m.safetensors", "hers.txt", "mine.py"):
        (here / name).touch()
    (tmp_path / "script").write_text(script("bash"))
    command = ["bash", "--norc", "-c", ASK, "bash", str(tmp_path / "script"), "lstm-lab", *words]
    result = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
    assert (set(result.stdout.split()) - {"-h", "--help", "-V", "--version"}, result.stderr) == (offered, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_one_that_the_shell_can_read(shell: str, script: Callable[[str], str], tmp_path: Path) -> None:
    text = script(shell)
    assert all(name in text for name in (*COMMANDS, *NAMES, "shakespeare", ".safetensors", "--hidden-size"))
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(text)
    subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)
