"""A storm in a room: people and agents come, go, speak, type, interrupt and are moderated at random; what must hold, holds."""

import asyncio
import logging
import os
import random
from collections import Counter

import pytest
from hubbub.voice.event import Reply
from hubbub.voice.floor import FloorPolicy
from hubbub.voice.refusal import NameTaken, RoomFull, Unknown
from room_world import World, simulated, voice

AGENTS = {
    "Ava": ["I think that tea is a fine thing to have. Ben, do you agree?", "Certainly.", "Carl, what about you?"],
    "Ben": ["Not at all, and I shall tell you why it is so in many words.", "Ava, are you sure?", "Well."],
    "Carl": ["That is enough for me.", "Ava and Ben, you are both wrong."],
}
WORDS = ["Ava what is that", "ben tell me", "stop", "yeah", "what do you think everybody", "and then", "carl please", "mm-hm", ""]
POLICIES = [
    FloorPolicy(queue_on_barge_in="keep"), FloorPolicy("moderator", moderator="Carl", max_agent_turns=9), FloorPolicy(),
    FloorPolicy("bidding", bid_threshold=0.2), FloorPolicy("order", max_agent_turns=3),
    FloorPolicy("moderator", moderator="Ava", queue_on_barge_in="keep"),
]  # fmt: skip
DEEDS = [
    "say", "say", "say", "type", "type", "press", "mute", "join", "leave", "agent", "agent out", "quiet", "aside", "back", "role",
    "announce", "silence", "drop line",
]  # fmt: skip
STORMS = int(os.environ.get("HUBBUB_STORMS", "3"))
"""How many storms there are: more for an hour of doubt."""


async def storm(world: World, rng: random.Random) -> None:
    room = world.room
    room.max_callers = 4
    people, gone, guests = [world.caller("Kim")], [], 0
    for _ in range(40):
        await asyncio.sleep(rng.uniform(0.0, 2.5))
        someone = rng.choice(people) if people else None
        deed = rng.choice(DEEDS)
        try:
            match deed:
                case "join":
                    people.append(world.caller(f"P{rng.randrange(5)}"))
                case "leave" if len(people) > 1 and someone:
                    people.remove(someone)
                    gone.append(someone)
                    await someone.leave()
                case "say" if someone:
                    someone.say(voice(rng.choice([120, 400, 900, 2000]), hz=rng.uniform(120, 320)))
                case "type" if someone:
                    someone.session.type(rng.choice(WORDS))
                case "press" if someone:
                    someone.session.press_interrupt()
                case "mute" if someone:
                    someone.session.mute(rng.random() < 0.5)
                case "agent":
                    guests += 1
                    await room.add_agent(world.seat(f"Guest{guests}", "I am a guest here.", greeting=rng.choice(["", "Good day."])))
                case "agent out":
                    await room.remove_agent(f"Guest{guests}")
                case "quiet":
                    room.change_agent(rng.choice(["Ava", "Ben", "Carl"]), quiet=rng.random() < 0.5, muted=rng.random() < 0.2)
                case "aside" if someone:
                    room.take_aside(rng.choice(["Ben", "Carl"]), someone.session.name, others_wait=rng.random() < 0.3)
                case "back":
                    room.end_aside(rng.choice(["Ben", "Carl"]))
                case "role" if someone:
                    room.change_caller(someone.session.name, role=rng.choice(["speaker", "listener"]), muted=rng.random() < 0.2)
                case "announce":
                    room.say("Dinner is ready.", room.seat("Ava"))
                case "silence":
                    await asyncio.sleep(rng.uniform(3, 12))
                case "drop line" if someone and someone.session.connection is not None:
                    someone.session.detach(someone, asyncio.get_running_loop().time())
                    await asyncio.sleep(rng.uniform(0, 5))
                    someone.session.line.connection, someone.session.line.lost_at = someone, None
        except (Unknown, NameTaken, RoomFull):
            pass
        room.tend(asyncio.get_running_loop().time())
    for aside in room.asides:
        room.end_aside(aside.seat.name)
    for _ in range(60):
        await asyncio.sleep(1)
        room.tend(asyncio.get_running_loop().time())
    check(world, people + gone)


def check(world: World, people: list) -> None:
    talk = world.room.talk
    assert talk.active is None and not talk.agenda.turns and not talk.agenda.said, "the room did not come to rest"
    for person in people:
        sounded = [reply for reply in person.heard_replies if reply]
        assert sounded == sorted(sounded), "two replies were heard at once"
        ends = Counter(event.reply for event in person.of(Reply) if event.final)
        assert not ends or max(ends.values()) == 1, "a reply ended twice"
        for event in person.of(Reply):
            assert not (event.final and event.interrupted) or event.interrupted_by
    for seat in world.room.seats:
        assert not seat.agent.replying


@pytest.mark.parametrize("seed", range(STORMS))
def test_a_storm(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    rng = random.Random(seed)
    script = [rng.choice(WORDS) for _ in range(400)]

    @simulated(AGENTS, script, floor=POLICIES[seed % len(POLICIES)], max_agents=8)
    async def live(world: World) -> None:
        await storm(world, rng)

    with caplog.at_level(logging.ERROR):
        live()
    assert not caplog.records, caplog.text
