"""Stories long enough to be interrupted, and a few jokes."""

import re

from .conversation import Turn

ANOTHER_QUESTION = "Would you like another story?"
"""How every story ends; the next line may be yes or no."""


def story(turn: Turn) -> str | None:
    """Tells a story that was not told in this conversation yet."""
    said = turn.plain
    asked = re.search(r"\b(?:story|stories|tale|storey)\b", said) and not re.search(
        r"\b(?:stop|no|not|enough|what was|what is|which|who|how|why|repeat)\b", said
    )
    more = re.search(r"^(?:tell me )?(?:another|another one|one more|tell me another(?: one)?)$", said)
    if not asked and not (more and last_was_story(turn)):
        return None
    return next_story(turn)


def next_story(turn: Turn) -> str:
    """The next story not told yet; when all are told, the one told longest ago."""
    told = [line.text for line in turn.talk.lines if line.mine]
    wanted = next((text for word, text in _BY_WORD.items() if re.search(rf"\b{word}s?\b", turn.plain)), None)
    if wanted:
        return wanted
    fresh = [text for text in STORIES if not any(line.startswith(text[:25]) for line in told)]
    if fresh:
        return fresh[0]
    order = [text for line in told for text in STORIES if line.startswith(text[:25])]
    return order[-len(STORIES)] if len(order) >= len(STORIES) else STORIES[0]


def last_was_story(turn: Turn) -> bool:
    """Whether this agent's newest line was a story or a joke that another one may follow."""
    line = turn.talk.last_of_mine
    return line is not None and any(line.text.startswith(text[:25]) for text in STORIES)


def joke(turn: Turn) -> str | None:
    """Tells a joke, another one each time."""
    if not re.search(r"\bjokes?\b|\bsomething funny\b|\bmake me laugh\b", turn.plain):
        return None
    told = sum(line.text in JOKES for line in turn.talk.lines if line.mine)
    return JOKES[told % len(JOKES)]


JOKES = (
    "Why did the clock go back to school? It wanted to catch up on time.",
    "A microphone and a loudspeaker had a long talk. One did all the listening, and the other could not stop.",
    "What do you call a fish with no eyes? A fsh.",
    "I would tell you a joke about silence, but you would have to wait for it.",
)

_LIGHTHOUSE = (
    "There was once a lighthouse keeper called Marta who lived alone on a small grey island. Every evening she climbed the two "
    "hundred steps to the top, wiped the salt from the glass, and lit the lamp. Every night the ships went by far out at sea, "
    "and not one of them ever stopped. One autumn a storm came that lasted three days. On the third night the wind broke a "
    "window, and the lamp went out. Marta tried to light it again, but the matches were wet. So she took the old brass bell "
    "from the kitchen, carried it up all the steps, and rang it. She rang it until her arms were sore, and then she rang it "
    "with her feet. In the morning the sea was calm. When she opened the door, a little boat was tied to the rocks, and a "
    "captain with a white beard was sitting on her steps. We could not see you, he said, but we could hear you. My whole crew "
    "came home because of that bell. From that day on, every ship that passed the island stopped its engine for a moment, and "
    "answered with its horn. And Marta, who had thought that nobody knew she was there, rang the bell back. "
)
_FOX = (
    "A young fox once found a mirror in the snow. She had never seen one, and she thought that another fox was living in a "
    "hole behind the glass. She bowed, and the other fox bowed too. She showed her teeth, and the other showed hers. What a "
    "rude neighbour, she thought, and she ran to the old badger to complain. The badger was a slow and patient animal. Tell "
    "me, he said, what did you do first? I bowed, said the fox, and then I showed my teeth. And what did she do first? She "
    "bowed, said the fox, and then she showed hers. The badger scratched his ear. Go back tomorrow, he said, and do only the "
    "first part. So the next morning the fox went back to the mirror and bowed, and did nothing else. The other fox bowed and "
    "did nothing else either. The fox smiled a little, and she saw the friendliest smile that she had ever seen. She came "
    "back every day of that winter. In spring the snow melted, and the mirror fell flat on its back, so that it showed only "
    "clouds. She has moved to the sky, said the fox. And ever since then, when a fox looks up on a clear day, it is only "
    "being polite to an old neighbour. "
)
_CLOCKMAKER = (
    "In a town by a river there lived a clockmaker whose clocks were never wrong. People set their lives by them, and they "
    "were always in a hurry. One day a girl brought him a clock that she had found in a field. It had no hands. The "
    "clockmaker opened it, and inside he found every wheel in its place, turning quietly. I can give it new hands by Friday, "
    "he said. Oh no, said the girl, it is not broken. I only wanted you to oil it. But how do you know what time it is? The "
    "girl thought about that. When I am hungry, it is noon, she said. When I cannot see the cows any more, it is evening. And "
    "when I have nothing to say to anybody, it is time to sleep. The clockmaker laughed, but he oiled the wheels, and took no "
    "money for it. That night he could not sleep. He listened to his forty clocks, which all said the same thing at the same "
    "moment. At last he got up and took the hands off one of them, only the smallest, the one beside his bed. In the morning "
    "he woke when the sun reached his pillow. It was the first time in thirty years that he did not know whether he was late. "
    "And nobody in the town ever noticed any difference, except that he began to whistle. "
)
_BRIDGE = (
    "Two villages stood on the two sides of a deep valley, and between them there was a bridge so narrow that only one person "
    "could cross at a time. Every market day there was a quarrel in the middle. I was here first, said the one. But I am "
    "carrying eggs, said the other. And then both of them stood there until it was dark. One day a deaf old shepherd came to "
    "the bridge with a hundred sheep, and from the other side came the mayor with his new cart. The mayor shouted. The "
    "shepherd smiled and waved. The mayor shouted louder, and the shepherd, who thought that this was a greeting, waved with "
    "both arms. And because he waved, his dog believed that it was a command, and turned the whole flock around. When the "
    "hundred sheep had gone back, the mayor crossed, and he was so ashamed that he gave the shepherd his hat. The story went "
    "round both villages. From then on, whoever met somebody on the bridge waved with both arms and took one step back. Most "
    "of the time both did it at once, and then they had to do it again. It was not any faster than before. But nobody ever "
    "quarrelled on that bridge again, because it is very hard to be angry while you are waving. "
)

STORIES = tuple(text + f"The end. {ANOTHER_QUESTION}" for text in (_LIGHTHOUSE, _FOX, _CLOCKMAKER, _BRIDGE))
"""The stories in the order in which they are told."""

_BY_WORD = {
    "lighthouse": STORIES[0], "ship": STORIES[0], "fox": STORIES[1], "animal": STORIES[1], "clock": STORIES[2],
    "clockmaker": STORIES[2], "bridge": STORIES[3], "sheep": STORIES[3],
}  # fmt: skip
