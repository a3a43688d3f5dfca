"""A virtual environment for those who have only Python: made once, renewed when a lock file changes. Standard library only."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
_STAMPS = {False: ".server.lock-hash", True: ".tests.lock-hash"}


def lock_file(*, tests: bool, root: Path = ROOT) -> Path:
    """The pinned requirements: of the server alone, or with everything that the tests need."""
    return root / "tests" / "requirements.lock" if tests else root / "requirements.lock"


def is_ready(folder: Path, *, tests: bool, root: Path = ROOT) -> bool:
    """Whether this environment holds what is needed, by the stamps that ``enter`` leaves in it.

    The tests' lock file pins everything of the server's, so an environment for the tests serves the demo, too.
    """
    for with_tests in (True,) if tests else (True, False):
        stamp = folder / _STAMPS[with_tests]
        if stamp.exists() and stamp.read_text() == _digest(lock_file(tests=with_tests, root=root)):
            return True
    return False


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def enter(*, tests: bool) -> NoReturn:
    """Make ``.venv`` ready and run the same command line inside it; does not return.

    Exits with a message when Python is too old or the packages cannot be installed.
    """
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    folder = ROOT / ".venv"
    python = folder / "bin" / "python"
    lock = lock_file(tests=tests)
    if not python.exists():
        print(f"Making a virtual environment in {folder.name} …", file=sys.stderr)  # noqa: T201
        venv.create(folder, with_pip=True)
    if not is_ready(folder, tests=tests):
        print("Installing pinned packages …", file=sys.stderr)  # noqa: T201
        for stamp in _STAMPS.values():  # whatever was installed before may be another version in a moment
            (folder / stamp).unlink(missing_ok=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(lock)]
        if subprocess.run(command, check=False).returncode:  # noqa: S603
            sys.exit("The packages could not be installed; pip's message is above.")
        (folder / _STAMPS[tests]).write_text(_digest(lock))
    os.execv(python, [str(python), *sys.argv])  # noqa: S606
