"""``tests.sumeru_proxy.fast_process`` with the clock of ``SHIFT_S`` (seconds ahead)."""

from __future__ import annotations

from tests.faults import shifted_clock

if __name__ == "__main__":
    shifted_clock.apply()
    from tests.sumeru_proxy import fast_process

    fast_process.main()
