"""Packs ../embed/py/sumeru_client-<version>-py3-none-any.whl from sumeru_proxy/client, sumeru_proxy/sdk and the webhooks' signature.

    python static/wheel/build.py           writes the file
    python static/wheel/build.py --check   writes nothing; fails when the file on disk is not what the sources give, byte for byte

Nothing depends on the clock, the machine or the version of Python and zlib: members are sorted, stored and dated 1980-01-01.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "sumeru_client"
MODULES = {
    "sdk/public.py": "__init__.py",
    "sdk/calls.py": "calls.py",
    "sdk/customer_tokens.py": "customer_tokens.py",
    "sdk/events.py": "webhooks.py",
    "webhooks/signature.py": "signature.py",
}
"""Besides all of ``client/``: sources below ``sumeru_proxy/``, and their names in the wheel."""
LEFT_OUT = ("__init__.py", "probe.py")
"""Of ``client/``: what only ``manage.py check_sumeru`` needs."""
DEPENDENCIES = {"requests", "urllib3"}
"""urllib3 comes with requests, which is built on it."""


def version() -> str:
    """The version of what this server gives out, the npm package and the loader too."""
    return str(json.loads((ROOT / "static" / "package" / "package.json").read_text(encoding="utf-8"))["version"])


def sources() -> Iterator[tuple[str, str]]:
    """Name in the wheel and text of each module. Raises ValueError when one imports what a bare environment does not have."""
    proxy = ROOT / "sumeru_proxy"
    found = {path.name: path for path in (proxy / "client").glob("*.py") if path.name not in LEFT_OUT}
    for source, name in MODULES.items():
        if name in found:
            raise ValueError(f"two modules would be {name}")
        found[name] = proxy / source
    for name, path in sorted(found.items()):
        text = moved(path.read_text(encoding="utf-8"))
        if name == "session.py":
            text = _once(text, 'f"sumeru-widgets/{VERSION}"', 'f"sumeru-client/{VERSION}"')
        foreign = _roots(text) - DEPENDENCIES - {NAME} - sys.stdlib_module_names
        if foreign:
            raise ValueError(f"{path.relative_to(ROOT)} imports {', '.join(sorted(foreign))}")
        yield name, text


def moved(text: str) -> str:
    """The text with this project's module names replaced by the wheel's."""
    for source, name in MODULES.items():
        module = source.removesuffix(".py").replace("/", ".")
        place = NAME if name == "__init__.py" else f"{NAME}.{name.removesuffix('.py')}"
        text = text.replace(f"sumeru_proxy.{module}", place)
    return text.replace("sumeru_proxy.client", NAME)


def wheel() -> bytes:
    """The whole file."""
    info = f"{NAME}-{version()}.dist-info"
    files = {f"{NAME}/{name}": text.encode() for name, text in sources()}
    files[f"{NAME}/py.typed"] = b""
    files[f"{info}/METADATA"] = _metadata().encode()
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: sumeru-widgets\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    files[f"{info}/licenses/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    record = "".join(f"{name},sha256={_digest(body)},{len(body)}\n" for name, body in sorted(files.items()))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, body in [*sorted(files.items()), (f"{info}/RECORD", f"{record}{info}/RECORD,,\n".encode())]:
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.create_system = 3
            member.external_attr = 0o100644 << 16
            archive.writestr(member, body)
    return packed.getvalue()


def _metadata() -> str:
    readme = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
    head = {
        "Metadata-Version": "2.4",
        "Name": NAME,
        "Version": version(),
        "Summary": "Sumeru's API from Python: typed client, webhook verification, customer tokens.",
        "License-Expression": "MIT",
        "License-File": "LICENSE",
        "Requires-Python": ">=3.11",
        "Requires-Dist": "requests>=2.32",
        "Description-Content-Type": "text/markdown",
    }
    return "".join(f"{name}: {value}\n" for name, value in head.items()) + f"\n{readme}"


def _digest(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()


def _roots(text: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or ".").partition(".")[0])
    return found


def _once(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"session.py must hold {old} once")
    return text.replace(old, new)


def main(arguments: list[str]) -> int:
    """Writes the file, or with ``--check`` compares it; the exit status."""
    file = ROOT / "static" / "embed" / "py" / f"{NAME}-{version()}-py3-none-any.whl"
    built = wheel()
    if "--check" in arguments:
        if file.exists() and file.read_bytes() == built:
            return 0
        sys.stderr.write(f"{file.relative_to(ROOT)} is not what its sources give: run python static/wheel/build.py\n")
        return 1
    file.parent.mkdir(parents=True, exist_ok=True)
    for other in file.parent.glob("*.whl"):
        other.unlink()
    file.write_bytes(built)
    sys.stdout.write(f"{file.name}: {len(built)} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
