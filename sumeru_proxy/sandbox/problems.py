"""What can be wrong with a call, in the upstream's error vocabulary."""

from __future__ import annotations

from typing import Any

STATUS_OF_CODE = {
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "idempotency_conflict": 409,
    "validation_failed": 422,
    "rate_limited": 429,
    "internal_error": 500,
}


class Problem(Exception):
    """A call that is answered with the error model. ``status`` follows from ``code`` unless given."""

    def __init__(
        self,
        code: str,
        message: str,
        details: dict[str, Any] | None = None,
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details or {}
        self.status = status or STATUS_OF_CODE[code]
        self.headers = headers or {}

    def body(self, request_id: str) -> dict[str, Any]:
        """The JSON object to answer with."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "details": self.details,
                "request_id": request_id,
            }
        }


def invalid(field: str, why: str) -> Problem:
    """A ``validation_failed`` about one field."""
    return Problem("validation_failed", f"{field} {why}", {"fields": {field: why}})
