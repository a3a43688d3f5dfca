"""A virtual environment for those who have only Python: made once, renewed when the lock file changes. Standard library only."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent


def lock_file(*, tests: bool) -> Path:
    """The pinned requirements: of the server alone, or with everything that the tests need."""
    return ROOT / "tests" / "requirements.lock" if tests else ROOT / "requirements.lock"


def enter(*, tests: bool) -> NoReturn:
    """Make ``.venv`` ready and run the same command line inside it; does not return.

    Exits with a message when Python is too old or the packages cannot be installed.
    """
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    folder = ROOT / ".venv"
    python = folder / "bin" / "python"
    lock = lock_file(tests=tests)
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = folder / f".{lock.parent.name if tests else 'server'}.lock-hash"
    if not python.exists():
        print(f"Making a virtual environment in {folder.name} …", file=sys.stderr)  # noqa: T201
        venv.create(folder, with_pip=True)
    if not stamp.exists() or stamp.read_text() != wanted:
        print("Installing pinned packages …", file=sys.stderr)  # noqa: T201
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(lock)]
        if subprocess.run(command, check=False).returncode:  # noqa: S603
            sys.exit("The packages could not be installed; pip's message is above.")
        stamp.write_text(wanted)
    os.execv(python, [str(python), *sys.argv])  # noqa: S606
