#!/usr/bin/env python3
"""Django's commands. `demo` and `test` first make the environment they need when run outside a virtual one."""

from __future__ import annotations

import os
import sys


def main() -> None:
    if sys.prefix == sys.base_prefix and sys.argv[1:2] in (["demo"], ["test"]):
        from widgets import bootstrap

        bootstrap.enter(tests=sys.argv[1] == "test")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "widgets.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
