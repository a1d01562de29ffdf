"""Owns: what a wheel carries besides Python: libvial, the demonstration model, licences.

libvial is VIAL_LIBRARY's if that is set, otherwise bindings/c/packaging/build-library builds it,
which needs Swift. Must not: run outside a checkout of Vial.
"""

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:
    from wheel.bdist_wheel import bdist_wheel

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RESOURCES = ROOT / "Sources" / "VialCommand" / "Resources"
(ROOT / ".build-python" / "egg").mkdir(parents=True, exist_ok=True)
THIRD_PARTY = """libvial.so.0 contains Swift's runtime (Apache License 2.0 with runtime library exception), libstdc++ (GPL 3
with runtime library exception), LZ4 (BSD 2-clause; its library only) and libsodium (ISC). What Debian says of the last
two:
"""


def version() -> str:
    """The header's."""
    return re.search(r'VIAL_VERSION_TEXT "(.*)"', (ROOT / "Include" / "vial.h").read_text("utf-8"))[1]


def library() -> Path:
    """Path of libvial.so.0."""
    named = os.environ.get("VIAL_LIBRARY")
    if named:
        return Path(named)
    built = subprocess.run(
        [str(ROOT / "bindings" / "c" / "packaging" / "build-library")], cwd=ROOT, check=True, stdout=subprocess.PIPE,
        text=True).stdout
    return ROOT / built.split("\n")[-2]


def third_party() -> str:
    """Whose work is inside, and on which terms."""
    text = THIRD_PARTY
    for package in ("liblz4-dev", "libsodium-dev"):
        page = Path("/usr/share/doc", package, "copyright")
        said = page.read_text("utf-8") if page.exists() else "(not on the machine that built this)\n"
        text += f"\n== {package}\n\n{said}"
    return text


class BuildWithLibrary(build_py):
    """Copies libvial and the demonstration model into the package."""

    def run(self) -> None:
        super().run()
        package = Path(self.build_lib) / "vial"
        if self.editable_mode:
            return
        (package / "lib").mkdir(parents=True, exist_ok=True)
        shutil.copy(library(), package / "lib" / "libvial.so.0")
        shutil.copy(RESOURCES / "demo.vial", package / "demo.vial")
        shutil.copy(RESOURCES / "README.md", package / "demo-model.md")
        shutil.copy(ROOT / "LICENSE", package / "LICENSE")
        (package / "THIRD-PARTY").write_text(third_party(), "utf-8")


class PlatformWheel(bdist_wheel):
    """Any Python 3, this platform: the package is Python, the library is not of Python."""

    def get_tag(self) -> tuple:
        return "py3", "none", sysconfig.get_platform().replace("-", "_").replace(".", "_")


class LibraryDistribution(Distribution):
    """Has something of this platform, so that the wheel's files go where such things belong."""

    def has_ext_modules(self) -> bool:
        return True


setup(version=version(), distclass=LibraryDistribution, cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel})
