"""``python -m sumeru_proxy.sandbox``: the sandbox without Django."""

from __future__ import annotations

import argparse
import sys

from sumeru_proxy.sandbox.command_line import CannotStart, add_options, run


def say(line: str) -> None:
    """One line for whoever started the process, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Exit status 0 after a clean stop, 1 when it could not start."""
    parser = argparse.ArgumentParser(prog="sandbox", description="A stand-in Sumeru for development and tests.")
    add_options(parser)
    try:
        run(vars(parser.parse_args()), say)
    except CannotStart as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
