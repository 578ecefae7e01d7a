"""AgentScope 0.x programs, with the import root `agentscope` changed to `hubbub.agents.v0`.

0.x was synchronous: an agent is called and answers, `msghub` is entered with a plain `with`. Here the same calls are handed to
one event loop in a thread of its own. It is a bridge for old programs; new ones use `hubbub.agents`, which is asynchronous.
Called from inside an event loop, the bridge raises RuntimeError rather than block it.

    from hubbub.agents.v0 import init, msghub
    from hubbub.agents.v0.agents import DialogAgent, UserAgent
    from hubbub.agents.v0.pipelines import sequentialpipeline
"""

from ..message import Msg
from .agents import DialogAgent, UserAgent, init
from .bridge import msghub
from .pipelines import sequential_pipeline, sequentialpipeline

__all__ = ["DialogAgent", "Msg", "UserAgent", "init", "msghub", "sequential_pipeline", "sequentialpipeline"]
