"""Ends the demo's processes when the demo itself was ended the hard way. Run as a script; standard library only.

It leads the process group of all of them and reads standard input, whose other end only the demo holds: its end is the demo's end.
"""

from __future__ import annotations

import os
import signal
import time

GRACE_S = 2.0


def main() -> None:
    """Wait, then end the whole group, itself included."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 4096):
        pass
    group = os.getpgid(0)
    if group != os.getpid():  # not its leader: then the group is somebody else's
        return
    os.killpg(group, signal.SIGTERM)
    time.sleep(GRACE_S)
    os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
