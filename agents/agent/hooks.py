"""Hooks: functions that run before and after what an agent does.

A hook before gets `(agent, kwargs)` and may return other kwargs; a hook after gets `(agent, kwargs, output)` and may return
another output; None leaves things as they are. Hooks may be plain functions or coroutine functions. Those of the instance
run first, then those of its class and of the classes above it, each in the order of registration. Arguments are not copied.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

Hook = Callable[..., Any]

ACTIONS = ("reply", "print", "observe", "reasoning", "acting")
HOOK_TYPES = tuple(f"{when}_{action}" for action in ACTIONS for when in ("pre", "post"))
"""The names of the kinds of hooks."""


class _Active:
    """One run of hooks that is under way. An object of its own, so that a task which outlives the run does not inherit it as
    still running."""

    __slots__ = ("action", "agent", "live")

    def __init__(self, agent: object, action: str) -> None:
        self.agent = agent
        self.action = action
        self.live = True


_active: ContextVar[tuple[_Active, ...]] = ContextVar("hubbub_hooks", default=())


@contextmanager
def _once(agent: object, action: str) -> Iterator[bool]:
    """Whether hooks shall run: not inside the same action of the same agent (an overridden method that calls its base)."""
    if any(one.live and one.agent is agent and one.action == action for one in _active.get()):
        yield False
        return
    mine = _Active(agent, action)
    token = _active.set((*(one for one in _active.get() if one.live), mine))
    try:
        yield True
    finally:
        mine.live = False
        _active.reset(token)


class Hooked:
    """The part of an agent that keeps hooks."""

    supported_hook_types: ClassVar[tuple[str, ...]] = HOOK_TYPES
    _class_hooks: ClassVar[dict[str, dict[str, Hook]]] = {}
    _hooks: dict[str, dict[str, Hook]] | None = None
    _any_class_hooks: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._class_hooks = {}
        for action in ("reply", "print", "observe"):
            method = cls.__dict__.get(action)
            if inspect.iscoroutinefunction(method):
                setattr(cls, action, hooked(action, method))

    def register_instance_hook(self, hook_type: str, hook_name: str, hook: Hook) -> None:
        """Adds (or replaces) a hook of this agent. Raises ValueError for an unknown type."""
        _check(hook_type)
        if self._hooks is None:
            self._hooks = {}
        self._hooks.setdefault(hook_type, {})[hook_name] = hook

    def remove_instance_hook(self, hook_type: str, hook_name: str) -> None:
        """Removes a hook of this agent. Raises ValueError where there is none of that name."""
        _check(hook_type)
        if not self._hooks or self._hooks.get(hook_type, {}).pop(hook_name, None) is None:
            raise ValueError(f"no {hook_type} hook is called {hook_name!r}")

    def clear_instance_hooks(self, hook_type: str | None = None) -> None:
        """Removes all hooks of this agent, or those of one type."""
        if hook_type is None:
            self._hooks = None
        elif self._hooks:
            _check(hook_type)
            self._hooks.pop(hook_type, None)

    @classmethod
    def register_class_hook(cls, hook_type: str, hook_name: str, hook: Hook) -> None:
        """Adds (or replaces) a hook of all agents of this class and of classes derived from it."""
        _check(hook_type)
        cls._class_hooks.setdefault(hook_type, {})[hook_name] = hook
        Hooked._any_class_hooks = True

    @classmethod
    def remove_class_hook(cls, hook_type: str, hook_name: str) -> None:
        """Removes a hook of this class. Raises ValueError where there is none of that name."""
        _check(hook_type)
        if cls._class_hooks.get(hook_type, {}).pop(hook_name, None) is None:
            raise ValueError(f"{cls.__name__} has no {hook_type} hook called {hook_name!r}")

    @classmethod
    def clear_class_hooks(cls, hook_type: str | None = None) -> None:
        """Removes all hooks of this class, or those of one type."""
        if hook_type is None:
            cls._class_hooks.clear()
        else:
            _check(hook_type)
            cls._class_hooks.pop(hook_type, None)

    def hooks_of(self, action: str) -> tuple[list[Hook], list[Hook]]:
        """The hooks before and after an action, in the order in which they run."""
        if not self._hooks and not Hooked._any_class_hooks:
            return [], []
        levels = [self._hooks or {}] + [
            level.__dict__["_class_hooks"] for level in type(self).__mro__ if "_class_hooks" in level.__dict__
        ]
        before = [hook for level in levels for hook in level.get(f"pre_{action}", {}).values()]
        after = [hook for level in levels for hook in level.get(f"post_{action}", {}).values()]
        return before, after


@contextmanager
def hooks_around(agent: Hooked, action: str) -> Iterator[tuple[list[Hook], list[Hook]]]:
    """The hooks to run before and after; none where this action of this agent is already inside its hooks."""
    before, after = agent.hooks_of(action)
    if not before and not after:
        yield before, after
        return
    with _once(agent, action) as first:
        yield (before, after) if first else ([], [])


async def run_before(agent: Hooked, hooks: list[Hook], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Runs hooks before an action; the kwargs that they leave."""
    for hook in hooks:
        changed = await _call(hook, agent, kwargs)
        kwargs = kwargs if changed is None else changed
    return kwargs


async def run_after(agent: Hooked, hooks: list[Hook], kwargs: dict[str, Any], output: Any) -> Any:
    """Runs hooks after an action; the output that they leave."""
    for hook in hooks:
        changed = await _call(hook, agent, kwargs, output)
        output = output if changed is None else changed
    return output


def hooked(action: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps a coroutine method so that the agent's hooks for `action` run around it."""
    signature: inspect.Signature | None = None

    @functools.wraps(method)
    async def call(self: Hooked, *args: Any, **kwargs: Any) -> Any:
        nonlocal signature
        with hooks_around(self, action) as (before, after):
            if not before and not after:
                return await method(self, *args, **kwargs)
            signature = signature or inspect.signature(method)
            given = _by_name(signature, self, args, kwargs)
            given = await run_before(self, before, given)
            positional = next((p.name for p in signature.parameters.values() if p.kind is p.VAR_POSITIONAL), "")
            named = {name: value for name, value in given.items() if name != positional}
            output = await method(self, *given.get(positional, ()), **named)
            return await run_after(self, after, given, output)

    return call


def _by_name(signature: inspect.Signature, self: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    bound = signature.bind(self, *args, **kwargs)
    bound.apply_defaults()
    names = list(signature.parameters)
    given = {name: value for name, value in bound.arguments.items() if name != names[0]}
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            given.update(given.pop(name, {}))
        elif parameter.kind is parameter.VAR_POSITIONAL and not given.get(name):
            given.pop(name, None)
    return given


async def _call(hook: Hook, *args: Any) -> Any:
    result = hook(*args)
    return await result if inspect.isawaitable(result) else result


def _check(hook_type: str) -> None:
    if hook_type not in HOOK_TYPES:
        raise ValueError(f"a hook type is one of {', '.join(HOOK_TYPES)}; got {hook_type!r}")
