"""The floor: who may speak next in a room. Pure.

Theory of operation
===================

People come before agents. The turn machine holds a reply while a caller speaks, the conversation starts none while anybody does;
so this file only decides *between agents*, and it is asked at three moments:

    turn         a person's turn is over          -> who answers it, in order
    reply        an agent was heard to its end    -> who, if anybody, speaks after it
    interrupted  a person broke in                -> what becomes of those who were queued

Its answer is always the same thing: a new `Floor`, whose `queue` holds the agents that will speak, in order. The conversation takes
the first (`begin`) whenever nobody speaks. At most one agent speaks because only one is taken at a time.

Who answers a person's turn:

    called by name               those who are called, in order of their names (all, for "everybody"), under every policy but script
    addressed                    else the one who spoke last, else the first
    moderator                    else the moderator
    order                        else the next in the order after who spoke last
    bidding                      else the highest bid
    script                       nobody: a program gives the floor

Who speaks after an agent, as long as fewer than `max_agent_turns` replies have passed since a person spoke:

    called by the moderator      before those who are queued
    those still queued           before anybody new
    called by that agent         under every policy but script and order
    moderator                    else the moderator after anybody else, nobody after the moderator
    order                        the next in the order
    bidding                      the highest bid, if it reaches `bid_threshold`
    addressed, script            else nobody

A *muted* agent never speaks. A *quiet* one speaks only when it is called by name. An interruption by a person drops the queue, or
keeps it behind his answer (`queue_on_barge_in`); who was cut off in a conversation between agents is kept first, so that it is
picked up where it was broken off.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from .called import addressed, everybody

Kind = Literal["addressed", "moderator", "order", "bidding", "script"]

MAX_AGENT_TURNS = 4
"""Replies after each other without a person's turn between them: enough to hear two agents out, too few to run away."""

_STOP = re.compile(
    r"^\W*(?:(?:no|ok|okay|please|hey|everybody|all of you)\W+)*(?:stop|wait|enough|quiet|silence|be quiet|shut up|hold on|hang on|"
    r"that is enough|that's enough)\b|^(?:停|等等|等一下|安静|别说了|够了)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Place:
    """An agent as the floor sees it; or a person, as muted: who is there so that nobody else is taken for him."""

    name: str
    muted: bool = False
    quiet: bool = False
    topics: frozenset[str] = frozenset()
    """Words of which it bids to speak; lower case."""


@dataclass(frozen=True, slots=True)
class FloorPolicy:
    """How a room gives the floor. See the theory above."""

    kind: Kind = "addressed"
    moderator: str | None = None
    order: tuple[str, ...] = ()
    """Empty for the order in which the agents sit."""
    max_agent_turns: int = MAX_AGENT_TURNS
    queue_on_barge_in: Literal["drop", "keep"] = "drop"
    bid_threshold: float = 0.5
    """What an agent must bid at least to speak after another agent. To a person's turn the highest bid answers, however low."""
    moderator_speaks: bool = True
    """The moderator gives the floor in its own speech, by calling names; else it is asked in silence whom it chooses."""


@dataclass(frozen=True, slots=True)
class Floor:
    """Who speaks next, and what that depends on. A value: every function answers a new one."""

    queue: tuple[str, ...] = ()
    last: str | None = None
    """Who spoke last of the agents."""
    agent_turns: int = 0
    """Replies begun since a person's turn."""
    spoke: tuple[str, ...] = ()
    """The agents that have spoken, the latest last, each once."""


def turn(
    policy: FloorPolicy, floor: Floor, places: Sequence[Place], text: str, *, more: bool = False, bids: Mapping[str, float] | None = None
) -> Floor:
    """A person has said `text`: who answers. `more`: it came together with another turn, whose answers stay first.

    `bids` replace the cheap ones of `bid`, by name.
    """
    before = floor.queue if more else ()
    kept = floor.queue if policy.queue_on_barge_in == "keep" and not more and not asks_to_stop(text) else ()
    answering = _answering(policy, floor, places, text, bids, default=not before)
    queue = _distinct((*before, *answering, *(name for name in kept if name not in answering)))
    return replace(floor, queue=_able(queue, places), agent_turns=0)


def reply(
    policy: FloorPolicy, floor: Floor, places: Sequence[Place], speaker: str, text: str, bids: Mapping[str, float] | None = None
) -> Floor:
    """The agent `speaker` was heard saying `text`: who speaks after it."""
    if policy.kind == "script" or floor.agent_turns >= policy.max_agent_turns:
        return replace(floor, queue=_able(floor.queue, places))
    if floor.queue:
        chosen = addressed(text, [place.name for place in places], sure=True) if speaker == policy.moderator else ()
        return replace(give(floor, chosen), queue=_able(give(floor, chosen).queue, places))
    after = _after(policy, floor, places, speaker, text, bids)
    return replace(floor, queue=_able(after, places))


def interrupted(policy: FloorPolicy, floor: Floor, speaker: str, *, between_agents: bool, signal: bool = False) -> Floor:
    """A person broke into the reply of `speaker`. `between_agents`: it was said to an agent, or unasked. `signal`: by a button,
    after which nothing more is said."""
    if policy.queue_on_barge_in == "drop" or signal:
        return replace(floor, queue=())
    return replace(floor, queue=_distinct((speaker, *floor.queue)) if between_agents else floor.queue)


def begin(floor: Floor, name: str) -> Floor:
    """The agent `name` has the floor now."""
    queue = floor.queue[1:] if floor.queue[:1] == (name,) else floor.queue
    spoke = (*(one for one in floor.spoke if one != name), name)
    return Floor(queue, name, floor.agent_turns + 1, spoke)


def give(floor: Floor, names: Sequence[str], *, first: bool = True) -> Floor:
    """Somebody gives the floor to agents: a moderator, an agent that hands over, a program. Those go before who is queued, or after."""
    named = tuple(names)
    rest = tuple(name for name in floor.queue if name not in named)
    return replace(floor, queue=_distinct((*named, *rest) if first else (*rest, *named)))


def without(floor: Floor, name: str) -> Floor:
    """An agent has gone, or may not speak any more."""
    return Floor(
        tuple(one for one in floor.queue if one != name), None if floor.last == name else floor.last, floor.agent_turns,
        tuple(one for one in floor.spoke if one != name),
    )


def is_called(places: Sequence[Place], texts: Sequence[str]) -> bool:
    """Whether somebody is called by name in any of the texts."""
    names = [place.name for place in places if not place.muted]
    others = [place.name for place in places if place.muted]
    return any(everybody(text) or addressed(text, names, others=others) for text in texts)


def asks_to_stop(text: str) -> bool:
    """Whether a person wants silence: then nobody who was queued goes on."""
    return _STOP.search(text) is not None


def bid(place: Place, floor: Floor, text: str) -> float:
    """How much an agent wants to speak after `text`, from 0 to 1, without asking it: its topics, and how long it has been silent."""
    words = set(re.findall(r"[\w']+", text.lower()))
    hits = sum(1 for topic in place.topics if topic in words or topic.rstrip("s") in words or f"{topic}s" in words)
    silent = len(floor.spoke) - floor.spoke.index(place.name) - 1 if place.name in floor.spoke else len(floor.spoke) + 1
    return min(0.95, 0.2 + 0.2 * min(hits, 3) + 0.05 * min(silent, 3))


def _answering(
    policy: FloorPolicy, floor: Floor, places: Sequence[Place], text: str, bids: Mapping[str, float] | None, *, default: bool
) -> tuple[str, ...]:
    able = [place for place in places if not place.muted]
    if policy.kind == "script" or not able:
        return ()
    names = [place.name for place in able]
    others = [place.name for place in places if place.muted]
    called = tuple(names) if everybody(text) and len(names) > 1 else addressed(text, names, others=others)
    if called or not default:
        return called
    chosen = _by_policy(policy, floor, places, text, bids)
    return (chosen,) if chosen else ()


def _by_policy(
    policy: FloorPolicy, floor: Floor, places: Sequence[Place], text: str, bids: Mapping[str, float] | None
) -> str | None:
    willing = [place for place in places if not place.muted and not place.quiet]
    names = [place.name for place in willing]
    if not names:
        return None
    match policy.kind:
        case "moderator" if policy.moderator in names:
            return policy.moderator
        case "order":
            return _next_in_order(policy, floor.last, places, names)
        case "bidding":
            return _highest(floor, willing, text, bids)[0]
    return floor.last if floor.last in names else names[0]


def _after(
    policy: FloorPolicy, floor: Floor, places: Sequence[Place], speaker: str, text: str, bids: Mapping[str, float] | None
) -> tuple[str, ...]:
    able = [place for place in places if not place.muted and place.name != speaker]
    willing = [place for place in able if not place.quiet]
    if policy.kind == "order":
        chosen = _next_in_order(policy, speaker, places, [place.name for place in willing])
        return (chosen,) if chosen else ()
    called = addressed(text, [place.name for place in able], sure=True)
    if called:
        return called
    if policy.kind == "moderator" and speaker != policy.moderator and any(place.name == policy.moderator for place in willing):
        return (policy.moderator,) if policy.moderator else ()
    if policy.kind == "bidding" and willing:
        name, height = _highest(floor, willing, text, bids)
        return (name,) if height >= policy.bid_threshold else ()
    return ()


def _next_in_order(policy: FloorPolicy, last: str | None, places: Sequence[Place], names: Sequence[str]) -> str | None:
    """The first of `names` after `last`, going round."""
    order = list(policy.order) or [place.name for place in places]
    start = order.index(last) + 1 if last in order else 0
    turned = order[start:] + order[:start]
    return next((name for name in turned if name in names), None)


def _highest(floor: Floor, willing: Sequence[Place], text: str, bids: Mapping[str, float] | None) -> tuple[str, float]:
    given = bids or {}
    heights = [(given.get(place.name, bid(place, floor, text)), -number, place.name) for number, place in enumerate(willing)]
    height, _, name = max(heights)
    return name, height


def _able(queue: Sequence[str], places: Sequence[Place]) -> tuple[str, ...]:
    """Those of a queue who still sit here and may speak."""
    able = {place.name for place in places if not place.muted}
    return tuple(name for name in queue if name in able)


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
