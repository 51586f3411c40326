"""Errors of the endpoint in the shape that OpenAI's clients read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel

BAD_REQUEST = "invalid_request_error"


class ErrorDetail(BaseModel):
    """What is wrong, for a person and for a program."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorDetail


class Refusal(Exception):
    """A request that is not served, and how to say so."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = BAD_REQUEST,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.detail = ErrorDetail(message=message, type=kind, param=param, code=code)
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """The refusal as an answer."""
        return JSONResponse(self.body, status_code=self.status, headers=self.headers)

    @property
    def body(self) -> dict[str, Any]:
        """The same as data."""
        return ErrorBody(error=self.detail).model_dump()


def unknown_model(asked: str, served: str) -> Refusal:
    """The request names a model that the plan does not have."""
    message = f"The model {asked[:80]!r} does not exist; this endpoint serves {served!r}."
    return Refusal(404, message, param="model", code="model_not_found")


def too_long(prompt: int, output: int, longest: int) -> Refusal:
    """Prompt and output together are longer than the plan's longest context."""
    message = (
        f"This plan's longest context is {longest} tokens. The request has {prompt} tokens in its prompt and asks for "
        f"{output} more."
    )
    return Refusal(400, message, param="messages", code="context_length_exceeded")


def no_room(prompt: int, output: int) -> Refusal:
    """Prompt and output together fill more than the whole cache."""
    message = f"No cache of this plan holds {prompt} tokens of a prompt and {output} more."
    return Refusal(400, message, param="messages", code="context_length_exceeded")


def overloaded(retry_after: float) -> Refusal:
    """The queue is full."""
    seconds = max(1, math.ceil(retry_after))
    message = f"As many requests wait as may. Try again in {seconds} s."
    return Refusal(429, message, kind="requests", code="rate_limit_exceeded", headers={"Retry-After": str(seconds)})


def body_too_large(limit: int) -> Refusal:
    """The body has more bytes than are read."""
    return Refusal(413, f"The body is larger than {limit} bytes.", code="request_too_large", headers=CLOSE)


def body_too_slow(seconds: float) -> Refusal:
    """The body did not come in time."""
    return Refusal(408, f"The body did not come within {seconds:g} s.", code="request_timeout", headers=CLOSE)


def stopping() -> Refusal:
    """The server was told to stop before the answer was whole."""
    return Refusal(503, "The endpoint was stopped.", kind="server_error", code="stopped", headers=CLOSE)


def wrong_key() -> Refusal:
    """The key is absent or another one."""
    message = "This endpoint wants its API key: Authorization: Bearer KEY."
    return Refusal(401, message, code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})


def invalid(faults: Sequence[Mapping[str, Any]]) -> Refusal:
    """A body or query that is not as the schema has it; the first fault is said, and how many more there are."""
    first = min(faults, key=lambda fault: fault["type"] in OTHER_SHAPE)
    path = ".".join(str(part) for part in first["loc"] if part != "body" and not _is_alternative(part))
    more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
    return Refusal(400, f"{path or 'body'}: {first['msg']}{more}", param=path or None)


OTHER_SHAPE = {"string_type", "list_type"}
"""Of a value that may have several shapes: that it does not have one of them says less than any other fault."""
ALTERNATIVES = {"str", "constrained-str"}


def _is_alternative(part: object) -> bool:
    """Whether a step of a fault's path names one of a value's shapes, and no field of the body."""
    return isinstance(part, str) and (part in ALTERNATIVES or "[" in part)


CLOSE = {"Connection": "close"}
"""What is left of a body that was not read whole cannot be told from a next request."""
