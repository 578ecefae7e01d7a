"""From a Python function to the schema a model reads, and from a model's arguments back to Python values.

The parameters become the fields of one pydantic model, so that everything pydantic understands works as a
parameter type (models, dataclasses, `Literal`, `Annotated`, unions, enums, dates), and the same model
converts the arguments of a call.
"""

from __future__ import annotations

import functools
import inspect
import typing
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import GenericAlias
from typing import TYPE_CHECKING, Annotated, Any

if TYPE_CHECKING:
    from docstring_parser import Docstring
    from pydantic import BaseModel


@dataclass(slots=True)
class Signature:
    """What a model may pass to a function, and how it becomes keyword arguments."""

    description: str
    schema: dict[str, Any]
    """JSON schema of the arguments: an object."""

    model: type[BaseModel]
    names: dict[str, str]
    """Field of the model -> parameter of the function."""

    extra_name: str | None = None
    """Name of the `**` parameter where the model may use it."""

    spread_name: str | None = None
    """Name of the `*` parameter where the model may use it."""

    positional: tuple[str, ...] = field(default=())
    """Parameters in front of a `*` parameter that the model may use, and positional-only ones."""

    def bind(self, arguments: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Converts the arguments of a call to the types of the parameters: (positional, keyword).

        Raises pydantic.ValidationError where a value does not fit.
        """
        parsed = self.model.model_validate(dict(arguments))
        given = {name: getattr(parsed, key) for key, name in self.names.items() if key in parsed.model_fields_set}
        spread = given.pop(self.spread_name, []) if self.spread_name is not None else []
        if spread:
            # What stands before a spread argument has a place, so a parameter that was left out takes its
            # default.
            given = {name: getattr(parsed, key) for key, name in self.names.items() if name != self.spread_name}
        leading: list[Any] = []
        for name in self.positional:
            if name not in given:
                break
            leading.append(given.pop(name))
        if self.extra_name is not None:
            given.update(parsed.model_extra or {})
        return [*leading, *spread], given


def signature_of(
    func: Callable[..., Any],
    *,
    hidden: Iterable[str] = (),
    include_long_description: bool = True,
    include_var_positional: bool = False,
    include_var_keyword: bool = False,
) -> Signature:
    """Reads the signature and docstring (Google, NumPy, reST or epydoc style) of a callable.

    `hidden` names parameters that the model must not see, because they are preset. `self` of a bound
    method is never seen. A callable object is read from its `__call__`, a `functools.partial` without the
    parameters it already has.

    Raises TypeError where a parameter's type has no JSON schema or its annotation cannot be resolved.
    """
    from docstring_parser import parse

    origin, preset = _unwrap(func)
    doc = parse(_docstring(origin))
    told = {param.arg_name.lstrip("*"): (param.description or "").strip() for param in doc.params}
    hints = _hints(origin)
    result = _Fields(hints, told)
    # Only what a partial fills by keyword needs hiding here: inspect.signature drops what it fills by
    # position.
    hidden = set(hidden)
    unseen = hidden | preset
    parameters = inspect.signature(func).parameters
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        for name in hidden:
            if name not in parameters:
                raise TypeError(f"{name!r} is preset, but the function has no such parameter: {func!r}")
    for parameter in parameters.values():
        if parameter.name in unseen:
            continue
        result.add(parameter, spread=include_var_positional, extra=include_var_keyword)
    model, schema = result.build(getattr(origin, "__name__", type(origin).__name__))
    return Signature(
        description=_description(doc, include_long_description),
        schema=schema,
        model=model,
        names=result.names,
        extra_name=result.extra_name,
        spread_name=result.spread_name,
        positional=tuple(result.positional),
    )


def tidy(schema: Any) -> Any:
    """The schema without `title`s that only repeat a name: they cost tokens and tell the model nothing."""
    if isinstance(schema, list):
        return [tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    tidied = {}
    for key, value in schema.items():
        if key == "title" and isinstance(value, str):
            continue
        if key in ("properties", "$defs", "patternProperties") and isinstance(value, dict):
            tidied[key] = {name: tidy(part) for name, part in value.items()}
        elif key in ("enum", "const", "default", "examples", "required"):
            tidied[key] = value
        else:
            tidied[key] = tidy(value)
    return tidied


def extend_schema(schema: Mapping[str, Any], addition: Mapping[str, Any]) -> dict[str, Any]:
    """The object schema with the properties, requirements and definitions of another one added.

    Raises ValueError where both define a property or definition of one name differently.
    """
    merged = dict(schema)
    for part in ("properties", "$defs"):
        mine, theirs = dict(schema.get(part, {})), addition.get(part, {})
        for name, value in theirs.items():
            if name in mine and mine[name] != value:
                raise ValueError(f"the schema already defines {name!r} differently under {part!r}")
            mine[name] = value
        if mine or part == "properties":
            merged[part] = mine
    required = [*schema.get("required", ()), *addition.get("required", ())]
    if required:
        merged["required"] = list(dict.fromkeys(required))
    return merged


class _Fields:
    """Collects the parameters of one function as fields of a pydantic model."""

    def __init__(self, hints: Mapping[str, Any], told: Mapping[str, str]) -> None:
        self._hints = hints
        self._told = told
        self._fields: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        self.positional: list[str] = []
        self.extra_name: str | None = None
        self.spread_name: str | None = None
        self._extra_type: Any = None

    def add(self, parameter: inspect.Parameter, *, spread: bool, extra: bool) -> None:
        hint = self._hints.get(parameter.name, Any)
        if parameter.kind is parameter.VAR_KEYWORD:
            if extra:
                self.extra_name, self._extra_type = parameter.name, hint
            return
        if parameter.kind is parameter.VAR_POSITIONAL:
            if spread:
                self.spread_name = parameter.name
                self.positional = [self.names[key] for key in self._fields]
                self._field(parameter.name, GenericAlias(list, (hint,)), default=[])
            return
        if parameter.kind is parameter.POSITIONAL_ONLY:
            self.positional.append(parameter.name)
        default = ... if parameter.default is parameter.empty else parameter.default
        self._field(parameter.name, hint, default=default)

    def _field(self, name: str, hint: Any, *, default: Any) -> None:
        from pydantic import Field

        # Fields are numbered and carry the parameter's name as alias: a parameter may be called `schema`
        # or `_id`, which a field of a pydantic model may not.
        key = f"p{len(self._fields)}"
        hint, described = _described(hint)
        told = self._told.get(name)
        if told and not described:
            hint = Annotated[hint, Field(description=told)]
        self._fields[key] = (hint, Field(default, alias=name))
        self.names[key] = name

    def build(self, name: str) -> tuple[type[BaseModel], dict[str, Any]]:
        from pydantic import ConfigDict, TypeAdapter, create_model
        from pydantic.errors import PydanticUserError
        from pydantic.json_schema import PydanticJsonSchemaWarning

        config = ConfigDict(extra="allow" if self.extra_name else "forbid", protected_namespaces=())
        try:
            with warnings.catch_warnings():
                # A default that JSON cannot hold is left out of the schema, which is what the model should
                # see.
                warnings.simplefilter("ignore", PydanticJsonSchemaWarning)
                model = create_model(name, __config__=config, **self._fields)
                schema: dict[str, Any] = tidy(model.model_json_schema(by_alias=True))
                if self.extra_name is not None:
                    schema["additionalProperties"] = tidy(TypeAdapter(self._extra_type).json_schema()) or True
        except PydanticUserError as error:
            raise TypeError(
                f"a parameter of tool {name!r} has a type without a JSON schema; preset it, or register the "
                f"tool with json_schema=...: {error}"
            ) from error
        schema.pop("description", None)
        schema.setdefault("properties", {})
        return model, schema


def _unwrap(func: Any) -> tuple[Any, set[str]]:
    preset: set[str] = set()
    while isinstance(func, functools.partial):
        preset |= set(func.keywords)
        func = func.func
    return func, preset


def _docstring(origin: Any) -> str:
    if inspect.isroutine(origin) or inspect.isclass(origin):
        return inspect.getdoc(origin) or ""
    return inspect.getdoc(type(origin).__call__) or inspect.getdoc(origin) or ""


def _hints(origin: Any) -> dict[str, Any]:
    if inspect.isclass(origin):
        target = origin.__init__
    else:
        target = origin if inspect.isroutine(origin) else type(origin).__call__
    try:
        return typing.get_type_hints(target, include_extras=True)
    except (NameError, TypeError) as error:
        name = getattr(origin, "__name__", type(origin).__name__)
        raise TypeError(f"an annotation of tool {name!r} cannot be resolved: {error}") from error


def _described(hint: Any) -> tuple[Any, bool]:
    """Turns `Annotated[int, "what it is"]` into a described field; says whether the hint describes itself."""
    from pydantic import Field
    from pydantic.fields import FieldInfo

    if typing.get_origin(hint) is not Annotated:
        return hint, False
    kind, *extras = typing.get_args(hint)
    if any(isinstance(extra, FieldInfo) and extra.description for extra in extras):
        return hint, True
    text = next((extra for extra in extras if isinstance(extra, str)), None)
    if text is None:
        return hint, False
    others = [extra for extra in extras if not isinstance(extra, str)]
    return Annotated[(kind, *others, Field(description=text))], True


def _description(doc: Docstring, include_long: bool) -> str:
    parts = [doc.short_description or ""]
    if include_long and doc.long_description:
        parts.append(doc.long_description)
    return "\n\n".join(part.strip() for part in parts if part.strip())
