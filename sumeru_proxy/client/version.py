"""The version of everything this project gives out: server, npm package, loader, Python wheel. Changed here and nowhere else.

``manage.py generate`` writes it into the files that need a copy (package.json).
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "1.0.0"
