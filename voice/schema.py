"""The JSON Schemas of the native protocol, generated from the code that speaks it. `docs/schema/` holds them; a test holds them equal."""

import json
from typing import Annotated, Any

from pydantic import Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from .event import ServerEvent
from .protocol import PROTOCOL_VERSION, ClientMessage

DRAFT = "https://json-schema.org/draft/2020-12/schema"


class _EveryField(GenerateJsonSchema):
    """A server leaves no field out, whatever its default."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        return True


def client_schema() -> dict[str, Any]:
    """What a client may send as text."""
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[ClientMessage, Field(discriminator="type")])
    return _whole(adapter.json_schema(mode="validation"), "client", "What a client sends as text messages.")


def server_schema() -> dict[str, Any]:
    """What a server sends as text: every field is there. What is not in the schema is to be ignored."""
    adapter: TypeAdapter[Any] = TypeAdapter(ServerEvent)
    schema = adapter.json_schema(mode="serialization", schema_generator=_EveryField)
    return _whole(schema, "server", "What a server sends as text messages.")


def text(schema: dict[str, Any]) -> str:
    """A schema as the file holds it."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _whole(schema: dict[str, Any], side: str, description: str) -> dict[str, Any]:
    title = f"Hubbub's native protocol, version {PROTOCOL_VERSION}: {side}"
    return {"$schema": DRAFT, "$id": f"urn:hubbub:protocol:{PROTOCOL_VERSION}:{side}", "title": title, "description": description, **schema}
