"""What is installed, what importing it costs, and which way imports may point."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

import lstm_ext
from lstm_lab.cli.parser import COMMANDS, make_parser

ROOT = Path(__file__).resolve().parent.parent
TERMINAL_SIDE = {"lstm_lab", "textual", "rich"}


def modules_after(code: str) -> set[str]:
    """Top-level names of what a fresh interpreter has loaded after running ``code``."""
    program = f"{code}\nimport sys, json\nprint(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    return set(json.loads(output.splitlines()[-1]))


def test_importing_the_library_loads_nothing_heavy() -> None:
    loaded = modules_after("import lstm_ext")
    assert not loaded & (TERMINAL_SIDE | {"matplotlib", "safetensors", "torch"})


def test_using_the_library_loads_nothing_of_the_terminal() -> None:
    loaded = modules_after("from lstm_ext import *\nimport lstm_ext.explain.walk, lstm_ext.visualization.drawing")
    assert "numpy" in loaded
    assert not loaded & (TERMINAL_SIDE | {"matplotlib", "safetensors", "torch"})


def test_parts_are_reached_from_the_package() -> None:
    loaded = modules_after("import lstm_ext\nlstm_ext.nn.Tagger, lstm_ext.visualization.plot_gate_activations")
    assert "numpy" in loaded and "matplotlib" not in loaded
    assert "nn" in dir(lstm_ext)


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_program_introduces_itself_without_numpy_and_textual(option: str) -> None:
    loaded = modules_after(f"from lstm_lab.cli.main import main\nassert main([{option!r}]) == 0")
    assert "lstm_ext" in loaded
    assert not loaded & {"numpy", "textual", "rich", "shtab", "psutil", "platformdirs", "cffi"}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_commands_help_loads_textual(command: str) -> None:
    loaded = modules_after(f"from lstm_lab.cli.main import main\nassert main([{command!r}, '--help']) == 0")
    assert "textual" not in loaded


def test_running_the_library_points_to_the_program() -> None:
    result = subprocess.run([sys.executable, "-m", "lstm_ext"], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "`lstm-lab`" in result.stderr


def imports(path: Path) -> set[str]:
    """Absolute module names that a source file imports, at any depth of nesting."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module or "")
    return names


def test_the_library_never_imports_the_terminal_side() -> None:
    for path in (ROOT / "lstm_ext").rglob("*.py"):
        assert not {name.partition(".")[0] for name in imports(path)} & TERMINAL_SIDE, path


def test_every_public_name_is_there() -> None:
    assert {name for names in lstm_ext._NAMES.values() for name in names} == set(lstm_ext.__all__)
    for module, names in lstm_ext._NAMES.items():
        for name in names:
            value = getattr(lstm_ext, name)
            assert getattr(value, "__module__", f"lstm_ext.{module}").startswith("lstm_ext.")
    assert set(lstm_ext.__all__) <= set(dir(lstm_ext))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = lstm_ext.no_such_name


def test_type_checkers_see_the_same_public_names() -> None:
    tree = ast.parse(Path(lstm_ext.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        node.module: tuple(alias.name for alias in node.names)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
    }
    assert seen == lstm_ext._NAMES


def test_one_version() -> None:
    assert version("lstm-lab") == lstm_ext.__version__


@pytest.mark.parametrize("folder", ["lstm_ext", "tui"])
def test_every_folder_of_modules_is_a_package(folder: str) -> None:
    """setup.py installs packages only: a folder without ``__init__.py`` would be left behind."""
    for path in (ROOT / folder).rglob("*.py"):
        assert (path.parent / "__init__.py").exists(), path
    assert (ROOT / folder / "py.typed").exists()


def test_without_a_compiler_the_wheel_is_pure_and_says_why(tmp_path: Path) -> None:
    build, dist = tmp_path / "build", tmp_path / "dist"
    commands = f"egg_info --egg-base {tmp_path} build --build-base {build} bdist_wheel --dist-dir {dist}"
    result = subprocess.run(
        [sys.executable, "setup.py", "-q", *commands.split(), "--bdist-dir", str(tmp_path / "bdist")],
        cwd=ROOT,
        env={**os.environ, "CC": "/bin/false"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "the C core could not be built" in result.stderr
    assert "install a C compiler" in result.stderr
    (wheel,) = dist.iterdir()
    assert wheel.name == f"lstm_lab-{lstm_ext.__version__}-py3-none-any.whl"
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {
        f"{target}/{path.relative_to(ROOT / folder).as_posix()}"
        for target, folder in (("lstm_lab", "tui"), ("lstm_ext", "lstm_ext"))
        for pattern in ("*.py", "*.tcss", "*.txt.gz", "*.md", "*.toml", "py.typed")
        for path in (ROOT / folder).rglob(pattern)
    }
    assert sources <= names
    kernel = {f"lstm_ext/csrc/kernel/{path.name}" for path in (ROOT / "csrc" / "kernel").iterdir()}
    assert kernel <= names  # the Step screen shows lines of them
    assert not [name for name in names if name.endswith(".so")]


README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_the_readmes_python_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(code.replace("steps=2000", "steps=2"), {})


@pytest.mark.parametrize("line", re.findall(r"^lstm-lab .*", README, re.MULTILINE))
def test_the_readmes_commands_are_understood(line: str) -> None:
    make_parser().parse_args(shlex.split(line.partition(" > ")[0], comments=True)[1:])
