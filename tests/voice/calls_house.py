"""A house with scripted engines that telephone calls come into, for the tests of gateways: it greets, and answers whatever it hears."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hubbub.agents.testing import ScriptedModel
from hubbub.voice.config import AgentConfig, Config, RoomConfig
from hubbub.voice.config.telephony import TelephonyConfig
from hubbub.voice.engines import Engines
from hubbub.voice.house import House
from hubbub.voice.testing.asr import ScriptedASR
from hubbub.voice.testing.tts import ScriptedTTS
from hubbub.voice.vad.energy import EnergyVAD

GREETING = "Hello and welcome to the house of calls, how may I help you today my dear caller?"


@asynccontextmanager
async def calls_house(*, greeting: str | None = GREETING, heard: str = "stop that please", **telephony: Any) -> AsyncIterator[House]:
    """A started house with one room, `default`, and one agent, Ava; `heard` is what its recogniser makes of anything, and
    `telephony` that section of its configuration."""
    agent = AgentConfig(name="Ava", greeting=greeting)
    config = Config(rooms={"default": RoomConfig(agents=(agent,))}, telephony=TelephonyConfig.model_validate(telephony))
    engines = Engines(EnergyVAD(), ScriptedASR([heard], repeat=True), ScriptedTTS())
    house = House(config, engines=engines, model=ScriptedModel(["Certainly, I will do that at once."] * 20))
    await house.start()
    try:
        yield house
    finally:
        await house.close()
