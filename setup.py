"""What pyproject.toml cannot say: the import names' folders, and a C core that is built where it can be.

The folders ``tui`` and ``exercises`` are imported as ``lstm_lab`` and ``lstm_lab.exercises``,
so that no package with such a general name lands in anybody's site-packages.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.errors import BaseError, CCompilerError

ROOT = Path(__file__).resolve().parent
FOLDERS = {"lstm_lab": "tui", "lstm_lab.exercises": "exercises", "lstm_ext": "lstm_ext"}
# Free-threaded Pythons have no stable ABI: there the wheel is for that one version.
WHEEL = {} if sysconfig.get_config_var("Py_GIL_DISABLED") else {"py_limited_api": "cp310"}


def packages() -> list[str]:
    """Every folder with an ``__init__.py`` below the mapped ones, by its import name."""
    found = []
    for name, folder in FOLDERS.items():
        for init in sorted((ROOT / folder).rglob("__init__.py")):
            found.append(".".join([name, *init.parent.relative_to(ROOT / folder).parts]))
    return found


class OptionalBuildExt(build_ext):
    """Builds the C core, always from scratch; if that fails, the installation continues without it."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.force = True  # or an old object file would hide a change of the compiler or a header

    def run(self) -> None:
        targets = [Path(self.get_ext_fullpath(extension.name)) for extension in self.extensions]
        try:
            super().run()
        except (BaseError, CCompilerError, OSError) as error:
            for target in targets:
                target.unlink(missing_ok=True)
            self.extensions = self.distribution.ext_modules = []
            print(
                f"\nlstm-lab: the C core could not be built ({error}).\n"
                "lstm-lab: installing without it: everything works on the NumPy twin, only slower. For the C core,\n"
                "lstm-lab: install a C compiler and Python's headers (Debian: apt install gcc python3-dev;\n"
                "lstm-lab: Fedora: dnf install gcc python3-devel; macOS: xcode-select --install), then install again\n",
                file=sys.stderr,
            )


class PackingBuildPy(build_py):
    """Adds the kernel's sources, which the Step screen shows lines of, and packs what learners should not stumble on:
    each exercise's ``private/`` becomes ``private.bin``."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        shown = Path(self.build_lib, "lstm_ext", "csrc", "kernel")
        shown.mkdir(parents=True, exist_ok=True)
        for source in sorted((ROOT / "csrc" / "kernel").glob("*.[ch]")):
            shutil.copyfile(source, shown / source.name)
        sys.path.insert(0, str(ROOT / "exercises"))
        from vault import pack

        for folder in sorted((ROOT / "exercises" / "content").glob("*/private")):
            packed = Path(self.build_lib, "lstm_lab", "exercises", "content", folder.parent.name, "private.bin")
            packed.write_bytes(pack(folder))


class Wheel(bdist_wheel):
    """A wheel whose name says whether the C core is inside."""

    def run(self) -> None:
        self.run_command("build")
        self.root_is_pure = not self.distribution.has_ext_modules()
        super().run()


setup(
    package_dir=FOLDERS,
    packages=packages(),
    cffi_modules=["csrc/build_core.py:ffi"],
    cmdclass={"build_py": PackingBuildPy, "build_ext": OptionalBuildExt, "bdist_wheel": Wheel},
    options={"bdist_wheel": WHEEL},
)
