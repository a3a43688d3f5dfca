"""A day's files as one numbered folder: complete as soon as it has its name, replaced by the next number, never half.

    <root>/<shop>/2026-03-01.0002/   orders.csv, orders.jsonl, journal.beancount, invoices/…, manifest.json
    <root>/<shop>/accounts.beancount, journal.beancount      the accounts, and the includes of all current days

The current folder of a day is the one with the highest number. A reader that finds it gone while reading looks again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, Final

from sumeru_proxy.consumers.order_sync.targets.interface import TargetDown

MANIFEST: Final = "manifest.json"
LOCK_WAIT_S: Final = 10.0
_LOCK_STEP_S: Final = 0.05
_FOLDER = re.compile(r"(\d{4}-\d{2}-\d{2})\.(\d{4,})\Z")


class _Digesting:
    """A file that knows its own digest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def write(self, text: str | bytes) -> None:
        raw = text.encode() if isinstance(text, str) else text
        self._file.write(raw)
        self._digest.update(raw)

    def close(self) -> None:
        """Closed, finished or not."""
        self._file.close()

    def finish(self, *, sync: bool = True) -> str:
        """Closed, on the disk when ``sync``, and its SHA-256."""
        self._file.flush()
        if sync:
            os.fsync(self._file.fileno())
        self._file.close()
        return self._digest.hexdigest()


class Draft:
    """A folder that is being written and nobody sees yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.digests: dict[str, str] = {}
        self._open: dict[str, _Digesting] = {}
        self._small = 0

    def add(self, name: str, text: str | bytes) -> None:
        """Append to a file, which is made when it is new."""
        if name not in self._open:
            file = self.path / name
            file.parent.mkdir(exist_ok=True)
            self._open[name] = _Digesting(file.open("xb"))
        self._open[name].write(text)

    def put(self, name: str, body: bytes) -> None:
        """A whole file at once, closed again; on the disk after ``finish``."""
        self.add(name, body)
        self.digests[name] = self._open.pop(name).finish(sync=False)
        self._small += 1

    def close(self) -> None:
        """No file stays open."""
        for file in self._open.values():
            file.close()
        self._open.clear()

    def finish(self) -> Mapping[str, str]:
        """Everything on the disk: the digests by name."""
        for name in list(self._open):
            self.digests[name] = self._open.pop(name).finish()
        if self._small:
            os.sync()  # once for thousands of small files
            self._small = 0
        return dict(sorted(self.digests.items()))


@dataclass(frozen=True, slots=True)
class DayFolder:
    """A complete folder."""

    path: Path
    day: date
    number: int

    def manifest(self) -> Mapping[str, Any]:
        """What was written. Empty when it cannot be read."""
        try:
            content = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def holds(self, name: str) -> bool:
        """Whether one file is as it was written."""
        files = self.manifest().get("files")
        return isinstance(files, dict) and name in files and _digest(self.path / name) == files[name]

    def intact(self, digests: Mapping[str, str]) -> bool:
        """Whether the files on the disk are exactly those with these digests."""
        names = {str(path.relative_to(self.path)) for path in self.path.rglob("*") if path.is_file()} - {MANIFEST}
        return names == set(digests) and all(_digest(self.path / name) == each for name, each in digests.items())


class ShopFolder:
    """All folders of one shop. ``root`` is made by a person: a share that is not mounted must not be mistaken for an empty one."""

    def __init__(self, root: Path, shop: str) -> None:
        self.root = root
        self.path = root / shop

    def current(self) -> dict[date, DayFolder]:
        """The current folder of every day. Raises TargetDown for a root that is away or closed."""
        folders: dict[date, DayFolder] = {}
        with disk_errors():
            os.scandir(self.root).close()
            entries = sorted(os.listdir(self.path)) if self.path.is_dir() else []
        for name in entries:
            if match := _FOLDER.match(name):
                day, number = date.fromisoformat(match[1]), int(match[2])
                if day not in folders or number > folders[day].number:
                    folders[day] = DayFolder(self.path / name, day, number)
        return folders

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else writes for this shop meanwhile. Waits up to LOCK_WAIT_S, then raises TargetDown."""
        with disk_errors():
            os.scandir(self.root).close()
            self.path.mkdir(exist_ok=True)
            lock = (self.path / ".lock").open("ab")
        with lock:
            deadline = time.monotonic() + LOCK_WAIT_S
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise TargetDown(5.0, "another process writes these files") from None
                    time.sleep(_LOCK_STEP_S)
            yield

    @contextmanager
    def drafted(self) -> Iterator[Draft]:
        """A draft inside the lock; what is not published is removed. Drafts of processes that died are removed first."""
        for old in self.path.glob(".draft-*"):
            shutil.rmtree(old, ignore_errors=True)
        place = self.path / f".draft-{os.getpid()}"
        with disk_errors():
            place.mkdir()
        draft = Draft(place)
        try:
            with disk_errors():
                yield draft
        finally:
            draft.close()
            shutil.rmtree(place, ignore_errors=True)

    def publish(self, draft: Draft, day: date, facts: Mapping[str, Any], history: int) -> DayFolder:
        """Give the draft its name: the next number of its day. Keeps ``history`` earlier ones, and rewrites the list of journals."""
        digests = draft.finish()
        numbers = sorted(
            int(match[2]) for match in map(_FOLDER.match, os.listdir(self.path)) if match and match[1] == str(day)
        )
        number = numbers[-1] + 1 if numbers else 1
        manifest = {"day": str(day), "number": number, **facts, "files": digests}
        draft.add(MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
        draft.finish()
        for folder in [draft.path, *(path for path in draft.path.rglob("*") if path.is_dir())]:
            _sync(folder)
        place = self.path / f"{day}.{number:04d}"
        draft.path.rename(place)
        _sync(self.path)
        self.list_journals()
        for old in numbers[: max(0, len(numbers) - history)]:
            shutil.rmtree(self.path / f"{day}.{old:04d}", ignore_errors=True)
        return DayFolder(place, day, number)

    def list_journals(self) -> None:
        """Rewrite ``journal.beancount``, at once and only when it changes."""
        lines = ['include "accounts.beancount"\n']
        for folder in (folder for _day, folder in sorted(self.current().items())):
            if (folder.path / "journal.beancount").exists():
                lines.append(f'include "{folder.path.name}/journal.beancount"\n')
        self.replace("journal.beancount", "".join(lines))

    def replace(self, name: str, text: str) -> None:
        """Replace one file of the shop's folder at once, when its text changes."""
        file = self.path / name
        with contextlib.suppress(OSError):
            if file.read_text(encoding="utf-8") == text:
                return
        draft = self.path / f".{name}.draft"
        with draft.open("w", encoding="utf-8") as written:
            written.write(text)
            written.flush()
            os.fsync(written.fileno())
        draft.replace(file)
        _sync(self.path)


@contextmanager
def disk_errors() -> Iterator[None]:
    """What the disk says, as TargetDown: reason ``folder_closed`` when the right to write is missing, else ``folder_away``."""
    try:
        yield
    except (PermissionError, NotADirectoryError) as error:
        text = f"the folder cannot be written: {os.strerror(error.errno or 0)}"
        raise TargetDown(60.0, text, reason="folder_closed") from None
    except OSError as error:
        text = f"the folder cannot be used: {os.strerror(error.errno or 0)}"
        raise TargetDown(text=text, reason="folder_away") from None


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return ""


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
