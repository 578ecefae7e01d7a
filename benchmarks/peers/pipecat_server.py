"""Pipecat behind its FastAPI WebSocket transport and uvicorn. Prints `READY <port>`. Runs in .venv-peers; uses the public API only.

Settings, tuned for the shortest answer:

* Silero detector (the bundled ONNX file), one for each session as the framework has it: start_secs 0.1 (default 0.2), stop_secs 0.2
  (default), confidence and min_volume as they are;
* turns start with the detector alone; they end by SpeechTimeoutUserTurnStopStrategy with user_speech_timeout 0 (default 0.6, and the
  default strategy is a model on top of the same 0.2 s), transcripts marked as finalized, ttfs_p99_latency the simulated delay;
* tokens go to the synthesiser one by one (TextAggregationMode.TOKEN; default: by sentence), word times;
* output in chunks of 20 ms (default 40), raw PCM by a serializer of our own (cheaper than protobuf);
* RTVI, turn tracking, metrics, tracing, heartbeats, idle timeout and log off; uvloop, WebSocket without compression.
"""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from typing import Any

import simulated
import uvicorn
import uvloop
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TextAggregationMode, TTSService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner


class RawSerializer(FrameSerializer):
    """Bare PCM both ways; an interruption tells the caller to throw away what it has not played."""

    async def serialize(self, frame: Frame) -> str | bytes | None:
        if isinstance(frame, OutputAudioRawFrame):
            return frame.audio
        if isinstance(frame, InterruptionFrame):
            return json.dumps({"event": "clear"})
        return None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        if isinstance(data, bytes):
            return InputAudioRawFrame(audio=data, sample_rate=simulated.EAR_HZ, num_channels=1)
        return None


class SimulatedSTT(STTService):
    """The comparison's recogniser."""

    def __init__(self) -> None:
        super().__init__(ttfs_p99_latency=simulated.FINAL_MS / 1000, settings=STTSettings(model="simulated", language=None))
        self._recogniser = simulated.Recogniser()

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        for heard in self._recogniser.feed(audio):
            if heard.final:
                yield TranscriptionFrame(heard.text, "caller", time_now_iso8601(), finalized=True)
            else:
                yield InterimTranscriptionFrame(heard.text, "caller", time_now_iso8601())


class SimulatedLLM(LLMService):
    """The comparison's model."""

    def __init__(self) -> None:
        super().__init__(settings=LLMSettings(
            model="simulated", system_instruction=None, temperature=None, max_tokens=None, top_p=None, top_k=None,
            frequency_penalty=None, presence_penalty=None, seed=None, filter_incomplete_user_turns=False,
            user_turn_completion_config=None,
        ))

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        await asyncio.sleep(simulated.MODEL_MS / 1000)
        for token in simulated.tokens():
            await self.push_frame(LLMTextFrame(token))
            await asyncio.sleep(1 / simulated.TOKENS_A_SECOND)
        await self.push_frame(LLMFullResponseEndFrame())


class SimulatedTTS(TTSService):
    """The comparison's synthesiser, as a streaming provider: text goes in token by token, sound and word times come by themselves."""

    def __init__(self) -> None:
        super().__init__(
            text_aggregation_mode=TextAggregationMode.TOKEN, push_text_frames=False, push_start_frame=True,
            sample_rate=simulated.MOUTH_HZ, settings=TTSSettings(model="simulated", voice="tone", language=None),
        )
        self._inputs: dict[str, asyncio.Queue[str | None]] = {}
        self._speaking: dict[str, asyncio.Task[None]] = {}

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        if context_id not in self._inputs:
            self._inputs[context_id] = asyncio.Queue()
            self._speaking[context_id] = self.create_task(self._speak(context_id), "speak")
        self._inputs[context_id].put_nowait(text)
        yield None

    async def flush_audio(self, context_id: str | None = None) -> None:
        context_id = context_id or self.get_active_audio_context_id()
        if context_id in self._inputs:
            self._inputs[context_id].put_nowait(None)

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        self._inputs.pop(context_id, None)
        if task := self._speaking.pop(context_id, None):
            await self.cancel_task(task)
        await super().on_audio_context_interrupted(context_id)

    async def cleanup(self) -> None:
        for context_id in list(self._speaking):
            await self.cancel_task(self._speaking.pop(context_id))
        await super().cleanup()

    async def _speak(self, context_id: str) -> None:
        voice, texts = simulated.Synthesiser(), self._inputs[context_id]
        while (text := await texts.get()) is not None:
            for word in text.split():
                at_s = await voice.wait_for_word()
                await self.add_word_timestamps([(word, at_s)], context_id)
                sound = TTSAudioRawFrame(simulated.WORD, simulated.MOUTH_HZ, 1, context_id=context_id)
                await self.append_to_audio_context(context_id, sound)
        await self.append_to_audio_context(context_id, TTSStoppedFrame(context_id=context_id))
        await self.remove_audio_context(context_id)
        self._inputs.pop(context_id, None)
        self._speaking.pop(context_id, None)


async def talk(websocket: WebSocket) -> None:
    transport = FastAPIWebsocketTransport(
        websocket,
        FastAPIWebsocketParams(
            serializer=RawSerializer(), audio_in_enabled=True, audio_out_enabled=True, audio_in_sample_rate=simulated.EAR_HZ,
            audio_out_sample_rate=simulated.MOUTH_HZ, audio_out_10ms_chunks=2,
        ),
    )
    context = LLMContext()
    user, assistant = LLMContextAggregatorPair(
        context,
        user_params=LLMUserAggregatorParams(
            vad_analyzer=SileroVADAnalyzer(sample_rate=simulated.EAR_HZ, params=VADParams(start_secs=0.1, stop_secs=0.2)),
            user_turn_strategies=UserTurnStrategies(
                start=[VADUserTurnStartStrategy()], stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.0)]
            ),
        ),
    )
    pipeline = Pipeline([transport.input(), SimulatedSTT(), user, SimulatedLLM(), SimulatedTTS(), transport.output(), assistant])
    worker = PipelineWorker(
        pipeline, enable_rtvi=False, enable_turn_tracking=False, cancel_on_idle_timeout=False, idle_timeout_secs=None,
        check_dangling_tasks=False,
        params=PipelineParams(audio_in_sample_rate=simulated.EAR_HZ, audio_out_sample_rate=simulated.MOUTH_HZ),
    )

    @transport.event_handler("on_client_disconnected")
    async def hang_up(*_: Any) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False, check_dangling_tasks=False)
    await runner.add_workers(worker)
    await runner.run()


async def main() -> None:
    app = FastAPI()

    @app.websocket("/ws")
    async def enter(websocket: WebSocket) -> None:
        await websocket.accept()
        await talk(websocket)

    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, ws_per_message_deflate=False))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print("READY", server.servers[0].sockets[0].getsockname()[1], flush=True)
    await task


if __name__ == "__main__":
    simulated.arguments(__doc__)
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
