"""From the tools of a server to tools in a toolkit."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from ..base import PostProcess
from ..registered import RegisteredTool, SchemaOptions, describe
from .base import MCPClient, MCPToolFunction
from .wire import ToolInfo

logger = logging.getLogger(__name__)

MAX_TOOLS = 512
"""Tools taken from one server."""


async def describe_tools(
    client: MCPClient,
    enable_funcs: Iterable[str] | None = None,
    disable_funcs: Iterable[str] | None = None,
    preset_kwargs_mapping: Mapping[str, Mapping[str, Any]] | None = None,
    postprocess_func: PostProcess | Mapping[str, PostProcess] | None = None,
    execution_timeout: float | None = None,
) -> list[RegisteredTool]:
    """The wanted tools of a server. A tool whose schema is broken is left out, with a warning.

    Raises MCPUnavailable, and ValueError for names that the server does not have or that are both wanted
    and not.
    """
    infos = {info.name: info for info in await client.list_tools()}
    presets = preset_kwargs_mapping or {}
    named = {*(enable_funcs or ()), *(disable_funcs or ()), *presets}
    if isinstance(postprocess_func, Mapping):
        named |= set(postprocess_func)
    if unknown := named - set(infos):
        raise ValueError(f"the server {client.name!r} has no tool {', '.join(sorted(unknown))}; it has {', '.join(infos)}")
    if both := set(enable_funcs or ()) & set(disable_funcs or ()):
        raise ValueError(f"both wanted and not: {', '.join(sorted(both))}")
    wanted = [info for info in infos.values() if enable_funcs is None or info.name in set(enable_funcs)]
    wanted = [info for info in wanted if info.name not in set(disable_funcs or ())]
    described = []
    for info in wanted[:MAX_TOOLS]:
        item = _describe(client, info, presets.get(info.name, {}), execution_timeout)
        if item is not None:
            mapped = isinstance(postprocess_func, Mapping)
            item.postprocess = postprocess_func.get(info.name) if mapped else postprocess_func  # type: ignore[union-attr, assignment]
            described.append(item)
    return described


def _describe(client: MCPClient, info: ToolInfo, preset: Mapping[str, Any], execution_timeout: float | None) -> RegisteredTool | None:
    function = MCPToolFunction(client, info, execution_timeout, trust_annotations=client.trust_annotations)
    try:
        return describe(function, SchemaOptions(), preset)
    except ValueError as error:
        logger.warning("tool %r of MCP server %r is left out: %s", info.name, client.name, error)
        return None
