"""The script of werewolves.yaml. People who are in the room when it begins play along with the agents.

One player in four is a werewolf. What a person is, and what a werewolf decides at night, is said for him alone; agents decide by
structured output, which nobody hears.
"""

import random
from collections import Counter

from hubbub.voice.called import sounds_like

NARRATOR = "Mora"
WAIT_S = 30.0
"""How long a person is waited for."""


class Game:
    """One game: who plays, what each is, who lives."""

    def __init__(self, stage, rng):
        self.stage = stage
        self.rng = rng
        self.people = set(stage.callers)
        players = [*(name for name in stage.agent_names if name != NARRATOR), *stage.callers]
        wolves = set(rng.sample(players, max(1, len(players) // 4)))
        self.roles = {name: "werewolf" if name in wolves else "villager" for name in players}
        self.living = list(players)

    def wolves(self):
        return [name for name in self.living if self.roles[name] == "werewolf"]

    def winner(self):
        wolves = len(self.wolves())
        if not wolves:
            return "village"
        return "werewolves" if wolves * 2 >= len(self.living) else None

    async def tell(self, text, to=None):
        """The narrator speaks: for all, or for one person alone."""
        heard = await self.stage.say(NARRATOR, text, to=to)
        if heard is not None and (rest := text[len(heard.get_text_content()) :].strip()):  # somebody broke in: what matters is said
            await self.stage.say(NARRATOR, rest, to=to)

    async def deal(self):
        for name, role in self.roles.items():
            if name in self.people:
                await self.tell(f"{name}, you are a {role}.", to=[name])
            else:
                await self.stage.tell(f"[only you] You are {name}, a {role}.", agents=[name], name=NARRATOR)

    async def choose(self, name, question, candidates):
        """Whom a player names; by lot where he names nobody."""
        if name not in self.people:
            schema = {"type": "object", "properties": {"name": {"type": "string", "enum": candidates}}, "required": ["name"]}
            answer = await self.stage.think(name, f"[only you] {question} {', '.join(candidates)}?", structured_model=schema)
            return answer.metadata.get("name") or self.rng.choice(candidates)
        if name not in self.stage.callers:
            return self.rng.choice(candidates)
        self.stage.forget()
        await self.tell(f"{name}, {question} {', '.join(candidates)}?", to=[name])
        turn = await self.stage.listen(to=name, within_s=WAIT_S)
        return named(turn.get_text_content(), candidates) or self.rng.choice(candidates) if turn else self.rng.choice(candidates)

    async def night(self):
        await self.tell("Night falls. Close your eyes.")
        prey = [name for name in self.living if self.roles[name] != "werewolf"]
        votes = [await self.choose(wolf, "whom do you take?", prey) for wolf in self.wolves()]
        victim = Counter(votes).most_common(1)[0][0]
        self.living.remove(victim)
        await self.tell(f"The sun rises. {victim} is dead, and was a {self.roles[victim]}.")

    async def day(self):
        for name in list(self.living):
            if name in self.people:
                await self.tell(f"{name}, what do you say?")
                turn = await self.stage.listen(to=name, within_s=WAIT_S)
                if turn is not None:
                    await self.stage.tell(turn.get_text_content(), name=name)
            else:
                await self.stage.ask(name)
        await self.tell("Now vote.")
        votes = [await self.choose(name, "who shall go?", [one for one in self.living if one != name]) for name in self.living]
        (out, most), *others = Counter(votes).most_common(2)
        if others and others[0][1] == most:
            await self.tell("The vote is a tie. Nobody goes.")
            return
        self.living.remove(out)
        await self.tell(f"The village sends {out} away, who was a {self.roles[out]}.")


def named(text, candidates):
    """The candidate whom a person named, also as a recogniser may have written it."""
    words = text.replace(",", " ").replace(".", " ").split()
    return next((name for name in candidates if any(sounds_like(word, name) for word in words)), None)


async def play(stage, rng=None, most_days=10):
    """Plays one game after another, as long as somebody says that he is ready. Answers who won the last, and the game."""
    while True:
        await stage.say(NARRATOR, "Welcome to the village. Say ready when all are here.")
        await stage.listen()
        game = Game(stage, rng or random.Random())
        await game.deal()
        for _ in range(most_days):
            await game.night()
            if game.winner():
                break
            await game.day()
            if game.winner():
                break
        winner = game.winner() or "village"
        await game.tell(f"The game is over. The {winner} {'win' if winner == 'werewolves' else 'wins'}.")
        if rng is not None:
            return winner, game
