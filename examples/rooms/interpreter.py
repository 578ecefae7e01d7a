"""The script of interpreter.yaml: which of the two interprets depends on the language that was spoken."""

import re

GERMAN = re.compile(
    r"[äöüß]|\b(?:ich|ist|das|der|die|und|nicht|wo|wie|was|bitte|danke|guten|hallo|auf|vielen|mir|geht|ja|nein|zwei|ein|eine|es|sie)\b",
    re.IGNORECASE,
)


async def play(stage):
    while True:
        turn = await stage.listen()
        german = GERMAN.search(turn.get_text_content()) is not None
        await stage.ask("Hugh" if german else "Hanna", turn)
