"""Werewolves with nine agents: three werewolves, three villagers, a seer, a witch and a hunter.

Who hears what is a matter of hubs: the village sits in one, the werewolves meet in another at night. Votes are given at the
same time (`fanout_pipeline`) and do not influence each other. Choices are structured output, so that nobody votes for the moon.

    python examples/agents/werewolves.py
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from hubbub.agents import ChatModelBase, Msg, MsgHub, ReActAgent, fanout_pipeline
from pydantic import BaseModel, Field, create_model

ROLES = ["werewolf"] * 3 + ["villager"] * 3 + ["seer", "witch", "hunter"]
RULES = (
    "We play Werewolves. At night the werewolves choose a victim, the seer learns one player's role, and the witch, once in the "
    "game each, may save the victim or poison somebody. By day all who live talk and vote somebody out. The hunter may shoot one "
    "player when he dies. The werewolves win when they are at least as many as the others; the others win when no werewolf lives."
)


@dataclass
class Player:
    agent: ReActAgent
    role: str
    alive: bool = True

    @property
    def name(self) -> str:
        return self.agent.name


@dataclass
class Game:
    """One game. `log` is what the moderator said to all."""

    players: list[Player]
    rng: random.Random
    tell: Callable[[str], Any]
    log: list[str] = field(default_factory=list)
    healing: bool = True
    poison: bool = True

    def living(self, role: str | None = None) -> list[Player]:
        return [p for p in self.players if p.alive and (role is None or p.role == role)]

    def named(self, name: str) -> Player:
        return next(p for p in self.players if p.name == name)

    def winner(self) -> str | None:
        wolves, others = len(self.living("werewolf")), len(self.living()) - len(self.living("werewolf"))
        if not wolves:
            return "village"
        return "werewolves" if wolves >= others else None

    async def announce(self, hub: MsgHub, text: str) -> None:
        self.log.append(text)
        self.tell(f"Moderator: {text}")
        await hub.broadcast(moderator(text))

    # The night

    async def night(self, hub: MsgHub) -> list[Player]:
        """Who dies."""
        await self.announce(hub, "Night falls. Close your eyes.")
        victim = await self.werewolves_choose()
        await self.seer_looks()
        return await self.witch_decides(victim)

    async def werewolves_choose(self) -> Player:
        wolves = self.living("werewolf")
        names = ", ".join(p.name for p in wolves)
        async with MsgHub([p.agent for p in wolves], announcement=moderator(f"[Only werewolves: {names}] Whom do we take?")) as den:
            for wolf in wolves:
                self.tell(f"  {wolf.name} (to the werewolves): {(await wolf.agent()).get_text_content()}")
            den.set_auto_broadcast(False)
            prey = [p for p in self.living() if p.role != "werewolf"]
            return await self.vote(wolves, prey, "Choose the victim.") or self.rng.choice(prey)

    async def seer_looks(self) -> None:
        for seer in self.living("seer"):
            others = [p for p in self.living() if p is not seer]
            chosen = await self.choose(seer, "Whose role do you want to know?", others)
            await seer.agent.observe(moderator(f"[Only you] {chosen.name} is a {chosen.role}."))

    async def witch_decides(self, victim: Player) -> list[Player]:
        dead = [victim]
        for witch in self.living("witch"):
            if self.healing and await agrees(witch, f"[Only you] {victim.name} would die. Do you save them?"):
                self.healing, dead = False, []
            elif self.poison and await agrees(witch, "[Only you] Do you poison somebody?"):
                self.poison = False
                others = [p for p in self.living() if p not in (witch, victim)]
                dead.append(await self.choose(witch, "Whom?", others))
        return dead

    # The day

    async def day(self, hub: MsgHub) -> None:
        order = self.living()
        self.rng.shuffle(order)
        hub.set_auto_broadcast(True)
        for player in order:
            self.tell(f"{player.name}: {(await player.agent()).get_text_content()}")
        hub.set_auto_broadcast(False)
        chosen = await self.vote(self.living(), self.living(), "Vote: who shall go?")
        if chosen is None:
            await self.announce(hub, "The vote is a tie. Nobody goes.")
            return
        await self.announce(hub, f"The village votes {chosen.name} out.")
        await self.dies(hub, [chosen])

    async def vote(self, voters: list[Player], candidates: list[Player], question: str) -> Player | None:
        """Who has most votes; None for a tie."""
        answers = await fanout_pipeline(
            [p.agent for p in voters], moderator(question), structured_model=choice(candidates), return_exceptions=True
        )
        for voter, answer in zip(voters, answers, strict=True):
            if isinstance(answer, Msg) and "name" in answer.metadata:
                self.tell(f"  {voter.name} votes for {answer.metadata['name']}.")
        votes = Counter(a.metadata["name"] for a in answers if isinstance(a, Msg) and "name" in a.metadata)
        best = votes.most_common(2)
        if not best or (len(best) == 2 and best[0][1] == best[1][1]):
            return None
        return self.named(best[0][0])

    async def choose(self, player: Player, question: str, candidates: list[Player]) -> Player:
        """Whom a player chooses; by lot where the model names nobody."""
        chosen = (await ask(player, question, choice(candidates))).get("name")
        return self.named(chosen) if chosen else self.rng.choice(candidates)

    async def dies(self, hub: MsgHub, dead: Iterable[Player]) -> None:
        for player in dead:
            if not player.alive:
                continue
            player.alive = False
            await self.announce(hub, f"{player.name} is dead.")
            hub.delete(player.agent)
            if player.role == "hunter" and self.living() and await agrees(player, "You die. Do you shoot somebody?"):
                shot = await self.choose(player, "Whom?", self.living())
                await self.announce(hub, f"The hunter shoots {shot.name}.")
                await self.dies(hub, [shot])

    async def play(self, max_days: int = 20) -> str:
        """Plays to the end; `village` or `werewolves`."""
        async with MsgHub([p.agent for p in self.players], moderator(RULES), enable_auto_broadcast=False) as hub:
            for _ in range(max_days):
                dead = await self.night(hub)
                await self.announce(hub, "The sun rises." if dead else "The sun rises. Nobody died.")
                await self.dies(hub, dead)
                if self.winner():
                    break
                await self.day(hub)
                if self.winner():
                    break
            winner = self.winner() or "village"
            await self.announce(hub, f"The game is over. Winner: {winner}.")
        return winner


class YesNo(BaseModel):
    """A decision."""

    yes: bool = Field(description="Whether you do it.")


def choice(players: list[Player]) -> type[BaseModel]:
    """A choice of one of the players."""
    names = Literal[tuple(p.name for p in players)]  # type: ignore[misc]
    return create_model("Choice", name=(names, Field(description="The player you choose.")))


def moderator(text: str) -> Msg:
    return Msg("Moderator", text, "user")


async def ask(player: Player, question: str, model: type[BaseModel]) -> dict[str, Any]:
    return (await player.agent.reply(moderator(question), structured_model=model)).metadata


async def agrees(player: Player, question: str) -> bool:
    return bool((await ask(player, question, YesNo)).get("yes"))


async def main(model: ChatModelBase, seed: int | None = None, tell: Callable[[str], Any] = print) -> Game:
    """Plays one game."""
    rng = random.Random(seed)
    roles = rng.sample(ROLES, len(ROLES))
    players = []
    for number, role in enumerate(roles, 1):
        name = f"Player{number}"
        prompt = f"You are {name}, a {role} in a game of Werewolves. Play to win. Say only what {name} would say, and be brief."
        players.append(Player(ReActAgent(name, prompt, model), role))
    game = Game(players, rng, tell)
    await game.play()
    return game


async def start() -> None:
    from stand_in import model_for  # the model at hand, else a script

    await main(await model_for("werewolves"))


if __name__ == "__main__":
    asyncio.run(start())
