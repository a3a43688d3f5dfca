"""A quiz in memory, in the place of Sumeru's."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sumeru_proxy.client.shapes import Product, QuizOption, QuizQuestion, QuizResult, QuizStep
from sumeru_proxy.reading.reader import Pending, Query

PRODUCT = Product("prd_1", "rain-jacket", "Rain jacket", "", Decimal("99.50"), "EUR", True, variant_id="var_1")


def question(name: str, kind: str = "single", options: Sequence[str] = ("a", "b", "c")) -> QuizQuestion:
    return QuizQuestion(name, f"About {name}?", kind, tuple(QuizOption(each, each.upper()) for each in options))


QUESTIONS = (question("q1"), question("q2", "multiple"), question("q3"))


class Steps:
    """A source over a quiz of questions in a row; counts what is asked of it."""

    def __init__(self, questions: Sequence[QuizQuestion] = QUESTIONS, results: Sequence[QuizResult] = ()) -> None:
        self.questions = questions
        self.results = tuple(results) or (QuizResult(PRODUCT, Decimal("0.9"), "Keeps you dry."),)
        self.asked: list[Query] = []
        self.down_after: int | None = None
        self.fresh = True
        self.oldest: float | None = None

    def get(self, wanted: Query) -> QuizStep:
        self.asked.append(wanted)
        arguments = dict(wanted.arguments)
        so_far: Any = arguments["answers"]
        if self.down_after is not None and len(so_far) >= self.down_after:
            raise Pending(2.0)
        assert [each for each, _ in so_far] == [each.id for each in self.questions[: len(so_far)]]
        complete = len(so_far) == len(self.questions)
        return QuizStep(
            str(arguments["quiz_id"]),
            "Find yours",
            complete,
            len(so_far),
            len(self.questions),
            None if complete else self.questions[len(so_far)],
            self.results if complete else (),
        )
