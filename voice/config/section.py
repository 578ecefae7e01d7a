"""The base of all sections of a configuration."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=64)]
"""The name of somebody in a room."""


class Section(BaseModel):
    """Unknown fields are refused, values do not change once read."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)
