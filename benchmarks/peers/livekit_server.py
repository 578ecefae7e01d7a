"""LiveKit Agents behind a plain WebSocket, without a LiveKit server: `AgentSession` with an audio input and an audio output of our
own. Prints `READY <port>`. Runs in .venv-peers; uses the public API only.

Settings, tuned for the shortest answer:

* Silero detector (livekit-plugins-silero, its ONNX file) loaded once for all sessions, min_silence_duration 0.2 s (default 0.55),
  min_speech_duration 0.05 s (default);
* turn_detection="vad", endpointing min_delay 0 (default 0.5);
* interruption after 0.1 s of speech (default 0.5), mode "vad"; no echo-canceller warm-up (default 3 s of deafness);
* preemptive generation of the model's and the synthesiser's work (the latter is off by default), without a bound on speech length;
* tokens go to the synthesiser one by one; TTS-aligned transcript; no text transforms;
* uvloop, 20 ms frames, WebSocket without compression; room, recording, metrics export, and user-away timer off.
"""

import asyncio
import json
import time
from collections import deque
from contextlib import suppress
from typing import Any

import simulated
import uvloop
from livekit import rtc
from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, Agent, AgentSession, llm, stt, tts
from livekit.agents.types import TimedString
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities
from livekit.plugins import silero
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

FRAME_S = 0.02
FRAME_BYTES = round(simulated.MOUTH_HZ * FRAME_S) * 2


class SimulatedSTT(stt.STT):
    """The comparison's recogniser as a streaming STT."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True, offline_recognize=False))

    async def _recognize_impl(self, buffer: Any, **_: Any) -> stt.SpeechEvent:
        raise NotImplementedError("it only streams")

    def stream(self, *, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS, **_: Any) -> "SimulatedRecognition":
        return SimulatedRecognition(stt=self, conn_options=conn_options, sample_rate=simulated.EAR_HZ)


class SimulatedRecognition(stt.RecognizeStream):
    async def _run(self) -> None:
        recogniser = simulated.Recogniser()
        async for item in self._input_ch:
            if not isinstance(item, rtc.AudioFrame):
                continue
            for heard in recogniser.feed(bytes(item.data)):
                kind = stt.SpeechEventType.FINAL_TRANSCRIPT if heard.final else stt.SpeechEventType.INTERIM_TRANSCRIPT
                self._event_ch.send_nowait(stt.SpeechEvent(kind, alternatives=[stt.SpeechData(language="en", text=heard.text)]))


class SimulatedLLM(llm.LLM):
    """The comparison's model."""

    def chat(self, *, chat_ctx: llm.ChatContext, tools: Any = None, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS,
             **_: Any) -> "SimulatedAnswer":
        return SimulatedAnswer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class SimulatedAnswer(llm.LLMStream):
    async def _run(self) -> None:
        await asyncio.sleep(simulated.MODEL_MS / 1000)
        for token in simulated.tokens():
            self._event_ch.send_nowait(llm.ChatChunk(id="answer", delta=llm.ChoiceDelta(role="assistant", content=token)))
            await asyncio.sleep(1 / simulated.TOKENS_A_SECOND)


class SimulatedTTS(tts.TTS):
    """The comparison's synthesiser as a token-streaming TTS with word times."""

    def __init__(self) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
                         sample_rate=simulated.MOUTH_HZ, num_channels=1)

    def synthesize(self, text: str, *, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> tts.ChunkedStream:
        raise NotImplementedError("it only streams")

    def stream(self, *, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> "SimulatedSpeech":
        return SimulatedSpeech(tts=self, conn_options=conn_options)


class SimulatedSpeech(tts.SynthesizeStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(request_id="speech", sample_rate=simulated.MOUTH_HZ, num_channels=1, mime_type="audio/pcm",
                                  stream=True)
        voice: simulated.Synthesiser | None = None
        async for item in self._input_ch:
            if not isinstance(item, str):
                continue
            for word in item.split():
                if voice is None:
                    voice = simulated.Synthesiser()
                    self._mark_started()
                    output_emitter.start_segment(segment_id="segment")
                at_s = await voice.wait_for_word()
                timed = TimedString(word + " ", start_time=at_s, end_time=at_s + simulated.MS_A_WORD / 1000)
                output_emitter.push_timed_transcript(timed)
                output_emitter.push(simulated.WORD)
        if voice is not None:
            output_emitter.end_segment()


class SocketInput(AudioInput):
    """What the caller says, 20 ms at a time."""

    def __init__(self, socket: ServerConnection) -> None:
        super().__init__(label="socket")
        self._socket = socket

    async def __anext__(self) -> rtc.AudioFrame:
        try:
            pcm = await self._socket.recv()
        except ConnectionClosed:
            raise StopAsyncIteration from None
        assert isinstance(pcm, bytes)
        return rtc.AudioFrame(pcm, simulated.EAR_HZ, 1, len(pcm) // 2)


class SocketOutput(AudioOutput):
    """Sends what the session says in real time, in frames of 20 ms; can pause, resume and be cleared."""

    def __init__(self, socket: ServerConnection) -> None:
        super().__init__(label="socket", capabilities=AudioOutputCapabilities(pause=True), sample_rate=simulated.MOUTH_HZ)
        self._socket = socket
        self._buffer: deque[bytes] = deque()
        self._rest = bytearray()
        self._played = 0
        self._open = False
        self._flushed = False
        self._started = False
        self._wake = asyncio.Event()
        self._running = asyncio.Event()
        self._running.set()
        self._messages: set[asyncio.Task[None]] = set()

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self._open, self._flushed = True, False
        self._rest += bytes(frame.data)
        while len(self._rest) >= FRAME_BYTES:
            self._buffer.append(bytes(self._rest[:FRAME_BYTES]))
            del self._rest[:FRAME_BYTES]
        self._wake.set()

    def flush(self) -> None:
        super().flush()
        if self._rest:
            self._buffer.append(bytes(self._rest))
            self._rest.clear()
        self._flushed = True
        self._wake.set()

    def clear_buffer(self) -> None:
        self._buffer.clear()
        self._rest.clear()
        if self._open:
            self._finish(interrupted=True)
            task = asyncio.create_task(self._clear_caller())
            self._messages.add(task)
            task.add_done_callback(self._messages.discard)

    def pause(self) -> None:
        super().pause()
        self._running.clear()

    def resume(self) -> None:
        super().resume()
        self._running.set()

    def _finish(self, *, interrupted: bool) -> None:
        position_s = self._played / simulated.MOUTH_HZ
        self._open = self._flushed = self._started = False
        self._played = 0
        self.on_playback_finished(playback_position=position_s, interrupted=interrupted)

    async def _clear_caller(self) -> None:
        with suppress(ConnectionClosed):
            await self._socket.send(json.dumps({"event": "clear"}))

    async def run(self) -> None:
        """Plays until it is cancelled or the caller is gone."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self._running.wait()
            if not self._buffer:
                if self._open and self._flushed:
                    self._finish(interrupted=False)
                self._wake.clear()
                await self._wake.wait()
                due = max(due, loop.time())
                continue
            frame = self._buffer.popleft()
            if not self._started:
                self._started = True
                self.on_playback_started(created_at=time.time())
            self._played += len(frame) // 2
            await self._socket.send(frame)
            due = max(due, loop.time() - FRAME_S) + FRAME_S
            await asyncio.sleep(due - loop.time())


async def talk(socket: ServerConnection, vad: silero.VAD) -> None:
    session: AgentSession[None] = AgentSession(
        stt=SimulatedSTT(), llm=SimulatedLLM(), tts=SimulatedTTS(), vad=vad,
        turn_handling={
            "turn_detection": "vad",
            "endpointing": {"mode": "fixed", "min_delay": 0.0, "max_delay": 1.0},
            "interruption": {"mode": "vad", "min_duration": 0.1, "min_words": 0},
            "preemptive_generation": {"enabled": True, "preemptive_tts": True, "max_speech_duration": 60.0, "max_retries": 10},
        },
        use_tts_aligned_transcript=True, tts_text_transforms=None, aec_warmup_duration=None, user_away_timeout=None,
    )
    output = SocketOutput(socket)
    session.input.audio = SocketInput(socket)
    session.output.audio = output
    playing = asyncio.create_task(output.run())
    try:
        await session.start(Agent(instructions="Answer."))
        await socket.wait_closed()
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        await session.aclose()


async def main() -> None:
    vad = silero.VAD.load(min_silence_duration=0.2, min_speech_duration=0.05)
    stop = asyncio.Event()
    async with serve(lambda socket: talk(socket, vad), "127.0.0.1", 0, compression=None, max_queue=None) as server:
        print("READY", next(iter(server.sockets)).getsockname()[1], flush=True)
        await stop.wait()


if __name__ == "__main__":
    simulated.arguments(__doc__)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
