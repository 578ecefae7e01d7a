"""What comes in the body of a request: bounded, and checked against a model before it is believed."""

import json
import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from ..grant import Refused

Model = TypeVar("Model", bound=BaseModel)

MAX_BODY_BYTES = 64 * 1024


_JSON = re.compile(r"application/(?:[\w.-]+\+)?json|application/x-www-form-urlencoded|")
"""What a body of JSON may be called: what it is, nothing, or what `curl -d` calls whatever it sends."""


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """The body, up to `limit` bytes. Raises Refused (`too_large`)."""
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise Refused("too_large", f"the body must have at most {limit} bytes")
            parts.append(part)
    except ClientDisconnect:
        raise Refused("bad_request", "the connection ended before the body did") from None
    return b"".join(parts)


async def read_model(request: Request, model: type[Model], limit: int = MAX_BODY_BYTES) -> Model:
    """The body as JSON, checked; an empty body is `{}`. Raises Refused with a sentence that names the field."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if not _JSON.fullmatch(kind):
        raise Refused("unsupported", f"the body must be application/json, not '{kind[:100]}'")
    body = await read_body(request, limit)
    try:
        values = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise Refused("bad_request", "the body must be JSON") from None
    if not isinstance(values, dict):
        raise Refused("bad_request", "the body must be a JSON object")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Refused("bad_request", in_words(error)) from None


def in_words(error: ValidationError) -> str:
    """The first fault of a validation, with its field."""
    first = error.errors(include_url=False, include_input=False)[0]
    inside = first.get("ctx", {}).get("where") if first["type"] == "part" else None  # found by looking at a whole section
    where = ".".join(str(part) for part in (*first["loc"], *((inside,) if inside else ())))
    return f"field '{where}': {first['msg']}" if where else first["msg"]
