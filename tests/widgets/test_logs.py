from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from widgets import logs


class Lines:
    """A logger that writes through the handler, under a clock that is set."""

    def __init__(self) -> None:
        self.now, self.stream = 1_000.0, io.StringIO()
        self.handler = logs.Sparse(self.stream, lambda: self.now)
        self.handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        self.handler.addFilter(logs.Redact())

    def log(self, text: str, *values: object, level: int = logging.WARNING, name: str = "sumeru_proxy.reading") -> None:
        self.handler.handle(logging.LogRecord(name, level, __file__, 1, text, values, None))

    def read(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def lines() -> Iterator[Lines]:
    made = Lines()
    yield made
    made.handler.close()


def test_sixty_refused_reads_are_one_line_and_one_with_their_number(lines: Lines) -> None:
    for number in range(60):
        lines.log("shop %s: reviews: own limit reached, retry after %.1f s [req_%s]", 7, number / 10, f"ab{number}")
    assert lines.read() == ["WARNING shop 7: reviews: own limit reached, retry after 0.0 s [req_ab0]"]
    lines.now += 61
    lines.log("something else")
    assert lines.read()[1:] == [
        "WARNING shop 7: reviews: own limit reached, retry after 5.9 s [req_ab59] (the last of 59 more within 60 s)",
        "WARNING something else",
    ]


def test_another_reason_shop_level_or_minute_is_a_line_of_its_own(lines: Lines) -> None:
    lines.log("shop %s: reviews: %s", 7, "unreadable answer at data")
    lines.log("shop %s: reviews: %s", 7, "refused (forbidden, 403)")
    lines.log("shop %s: reviews: %s", 8, "unreadable answer at data")
    lines.log("shop %s: reviews: %s", 7, "unreadable answer at data", level=logging.ERROR)
    lines.log("shop %s: reviews: %s", 7, "unreadable answer at data", name="widgets.http")
    lines.now += 60
    lines.log("shop %s: reviews: %s", 7, "unreadable answer at data")
    assert len(lines.read()) == 6


def test_each_job_is_told(lines: Lines) -> None:
    for number in range(5):
        lines.log("job %s review: done", number, level=logging.INFO, name="sumeru_proxy.outbox.delivering")
    assert len(lines.read()) == 5


def test_what_was_only_counted_is_written_at_the_end(lines: Lines) -> None:
    for _ in range(3):
        lines.log("limiter store unavailable")
    lines.handler.close()
    assert lines.read()[-1] == "WARNING limiter store unavailable (the last of 2 more within 60 s)"


def test_reasons_that_strangers_make_up_are_bounded(lines: Lines) -> None:
    for number in range(3_000):
        lines.log("odd %s", "".join(chr(97 + int(digit)) for digit in str(number)))
    assert len(lines.handler._reasons) <= logs.REASONS_MOST + 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("from 203.0.114.7: no", "from 203.0.0.0/16: no"),
        ("It was 203.0.114.7.", "It was 203.0.0.0/16."),
        ("from 2a02:2e0:3fe:1001:7777:772e:2:85", "from 2a02:2e0::/32"),
        ("at 127.0.0.1:8000 and 10.1.2.3", "at 127.0.0.1:8000 and 10.1.2.3"),
        ("12:30:45 v1.2.3.4567 999.1.1.1", "12:30:45 v1.2.3.4567 999.1.1.1"),
        ("from ::ffff:203.0.114.7", "from ::ffff:203.0.0.0/16"),
    ],
)
def test_no_whole_address_of_a_person(text: str, shown: str) -> None:
    assert logs.without_addresses(text) == shown
