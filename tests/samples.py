"""Cuts the code samples of README, docs and admin out of the files that tests run: ``python -m tests.samples [--check]``.

``// sample: name`` begins a piece and ``// end of sample`` ends it, in the comment form of the file. The pieces of one name are joined in
the file's order, each by itself without its indentation after ``(dedented)``. A line that ends with ``// left out of the sample`` is
for the tests alone. Each sample is written to ``templates/docs/samples/<name>.txt`` and into the README's code blocks after
``<!-- sample: name -->``.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (ROOT / "tests" / "storefronts", ROOT / "tests" / "cookbook")
SAMPLES = ROOT / "templates" / "docs" / "samples"
README = ROOT / "README.md"
LANGUAGES = {
    ".html": "html",
    ".js": "js",
    ".mjs": "js",
    ".jsx": "jsx",
    ".css": "css",
    ".env": "shell",
    ".py": "python",
    ".sh": "shell",
}
"""Suffixes of files that may hold samples, and what the README calls their language."""
_SKIPPED = {"node_modules", ".next", "dist", ".react-router"}
_BEGIN = re.compile(r"\s*(?://|#|<!--|\{?/\*) sample: ([a-z0-9-]+)( \(dedented\))?(?: -->| \*/\}?)?\s*")
_END = re.compile(r"\s*(?://|#|<!--|\{?/\*) end of sample(?: -->| \*/\}?)?\s*")
_LEFT_OUT = re.compile(r"(?:#|//|\{?/\*) left out of the sample(?: \*/\}?)?\s*$")
_SHOWN = re.compile(r"(<!-- sample: ([a-z0-9-]+) -->\n)```\w*\n.*?\n```\n", re.DOTALL)


def cut(source: str, where: str) -> dict[str, str]:
    """The samples of a file by name, dedented. Raises ValueError for markers that do not pair; ``where`` is named in it."""
    found: dict[str, list[str]] = {}
    name, dedented = "", False
    piece: list[str] = []
    for number, line in enumerate(source.splitlines(), 1):
        if begun := _BEGIN.fullmatch(line):
            if name:
                raise ValueError(f"{where}:{number}: {name} has not ended")
            name, dedented = begun[1], bool(begun[2])
            piece = []
        elif _END.fullmatch(line):
            if not name:
                raise ValueError(f"{where}:{number}: no sample has begun")
            found.setdefault(name, []).extend(textwrap.dedent("\n".join(piece)).split("\n") if dedented else piece)
            name = ""
        elif name and not _LEFT_OUT.search(line):
            piece.append(line)
    if name:
        raise ValueError(f"{where}: {name} has not ended")
    return {each: textwrap.dedent("\n".join(lines)).strip("\n") + "\n" for each, lines in found.items()}


def samples() -> dict[str, tuple[str, str]]:
    """All samples: the text and the language by name. Raises ValueError when two files have one of the same name."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(path for folder in SOURCES for path in folder.rglob("*")):
        if path.suffix not in LANGUAGES or _SKIPPED & set(path.parts):
            continue
        where = str(path.relative_to(ROOT))
        for name, text in cut(path.read_text(encoding="utf-8"), where).items():
            if name in found:
                raise ValueError(f"{where}: another file has a sample {name}")
            # What holds JSX is called that, whatever the file's suffix.
            language = "jsx" if path.suffix == ".js" and re.search(r"<[A-Z]\w+|</", text) else LANGUAGES[path.suffix]
            found[name] = text, language
    return found


def wanted() -> dict[Path, str]:
    """Every generated file with the text that it should have. Raises KeyError when the README shows a sample that there is not."""
    made = samples()
    readme = _SHOWN.sub(
        lambda block: f"{block[1]}```{made[block[2]][1]}\n{made[block[2]][0]}```\n", README.read_text(encoding="utf-8")
    )
    return {README: readme, **{SAMPLES / f"{name}.txt": text for name, (text, _) in made.items()}}


def differing() -> list[Path]:
    """Generated files that are missing, left over, or not what their sources say."""
    files = wanted()
    changed = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    return changed + [path for path in SAMPLES.glob("*") if path not in files]


def main(arguments: list[str]) -> int:
    """Writes what differs, or with ``--check`` only names it; the exit status."""
    found = differing()
    for path in found:
        print(path.relative_to(ROOT))
    if "--check" in arguments:
        return 1 if found else 0
    files = wanted()
    SAMPLES.mkdir(exist_ok=True)
    for path in found:
        if path in files:
            path.write_text(files[path], encoding="utf-8")
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
