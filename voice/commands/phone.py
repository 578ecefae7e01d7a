"""One call of `hubbub call`, from its first ring to the summary: the caller's lines one after another, what is printed, the recording."""

import asyncio
import contextlib
import json
import sys
import wave
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..audio.frames import SAMPLE_BYTES
from ..audio.resample import resample
from ..client import DeviceInput, DeviceOutput, choose_device
from ..client.devices import sound_device
from ..client.phone import (
    AgentSilent,
    AgentSpeaks,
    CallEnded,
    CallStarted,
    ClearCame,
    Complaint,
    ConnectionLostError,
    MarkCame,
    PhoneCall,
    PhoneEvent,
    place_call,
)
from .status import ExitStatus

RECORDED_HZ = 48_000
"""Rate at which recordings are read; each call resamples them to its own."""

GREETING_MS = 1500
"""How long a caller listens whether somebody greets him."""

SETTLED_MS = 700
"""Quiet for so long, a reply is over: agents pause between sentences."""

MAX_COMPLAINTS = 5
"""Of one kind that are printed."""

MAX_KINDS = 50

_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Line:
    """What the caller does: says a recording (`pcm` at `RECORDED_HZ`), or presses `keys`. `label` is the file, or the keys."""

    label: str
    pcm: bytes | None
    keys: str


@dataclass(frozen=True, slots=True)
class Live:
    """The person at this machine takes the call, once the lines have been said. Each device by number or a part of its name; None for the
    system's."""

    microphone: str | None = None
    loudspeaker: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What `hubbub call` was asked for."""

    lines: tuple[Line, ...]
    overlap_s: float | None
    gap_s: float | None
    stay_s: float | None
    timeout_s: float
    record: str | None
    json: bool
    live: Live | None = None


async def call(url: str, plan: Plan, options: dict[str, Any]) -> int:
    """Calls, and answers the exit status. Raises what `place_call` raises, DeviceError, and OSError where `record` cannot be written."""
    if plan.record is not None:
        await asyncio.to_thread(write_stereo, plan.record, b"", b"", 8000)  # found out before anybody is called
    if plan.live is not None:
        check_devices(plan.live)
    printer = Printer(as_json=plan.json)
    async with place_call(url, **options) as phone:
        try:
            return await _Caller(phone, plan, printer).run()
        finally:
            printer.summary(phone)
            if plan.record is not None:
                await asyncio.to_thread(write_stereo, plan.record, bytes(phone.said), bytes(phone.heard), phone.rate_hz)


def write_stereo(path: str, left: bytes, right: bytes, rate_hz: int) -> None:
    """Two PCM16 sounds, side by side in a WAV file. Raises OSError."""
    samples = max(len(left), len(right)) // SAMPLE_BYTES
    both = np.zeros((samples, 2), "<i2")
    for side, pcm in enumerate((left, right)):
        both[: len(pcm) // SAMPLE_BYTES, side] = np.frombuffer(pcm, "<i2")
    with wave.open(path, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(SAMPLE_BYTES)
        file.setframerate(rate_hz)
        file.writeframes(both.tobytes())


def check_devices(live: Live) -> None:
    """Raises DeviceError where PortAudio, or a device of that name, is missing."""
    sound_device()
    choose_device("input", live.microphone)
    choose_device("output", live.loudspeaker)


class _Caller:
    """Says the lines, each when it is its turn; then the person at this machine talks, where he is to."""

    def __init__(self, phone: PhoneCall, plan: Plan, printer: "Printer") -> None:
        self._phone = phone
        self._plan = plan
        self._printer = printer
        self._replies = 0
        """How often the agent has become audible."""
        self._by_himself = not plan.lines
        """Nothing is to be said any more but by the person at this machine: whenever the server hangs up, it is good."""

    async def run(self) -> int:
        live = self._plan.live
        if live is None:
            return await self._run()
        async with DeviceOutput(self._phone.rate_hz, live.loudspeaker) as loudspeaker:
            hearing = asyncio.create_task(self._hear(loudspeaker))
            try:
                return await self._run()
            finally:
                hearing.cancel()
                await asyncio.gather(hearing, return_exceptions=True)

    async def _run(self) -> int:
        listening = asyncio.create_task(self._listen())
        talking = asyncio.create_task(self._talk())
        try:
            await asyncio.wait((listening, talking), return_when=asyncio.FIRST_COMPLETED)
            if talking.done():
                status = talking.result()
                await self._phone.hang_up()
                await listening
                return status
            return self._ended_early()
        finally:
            for task in (listening, talking):
                task.cancel()
            await asyncio.gather(listening, talking, return_exceptions=True)

    def _ended_early(self) -> int:
        """The call ended before the caller was through."""
        ended = self._phone.ended
        assert ended is not None
        if self._by_himself and ended.by == "server":
            return ExitStatus.OK
        when = "before the agent was heard" if not self._replies else "before the caller was through"
        self._printer.fault(f"the call ended {when}: {ended.why}")
        return ExitStatus.LOST

    async def _listen(self) -> None:
        async for event in self._phone:
            if isinstance(event, AgentSpeaks):
                self._replies += 1
            self._printer.show(event)

    async def _hear(self, loudspeaker: DeviceOutput) -> None:
        async for pcm in self._phone.hear_live():
            loudspeaker.play(pcm)

    async def _talk(self) -> int:
        plan = self._plan
        status = await self._say_lines() if plan.lines else ExitStatus.OK
        if status is ExitStatus.OK and plan.live is not None:
            self._by_himself = True
            await self._talk_live(plan.live)
        elif status is ExitStatus.OK:
            await asyncio.sleep(plan.stay_s if plan.stay_s is not None else 0 if plan.lines else float("inf"))
        return status

    async def _talk_live(self, live: Live) -> None:
        async with DeviceInput(self._phone.rate_hz, live.microphone) as microphone:
            self._printer.note("speak; Ctrl-C hangs up")
            with contextlib.suppress(ConnectionLostError):  # the listener sees the end, and says how it came
                await self._phone.say_live(microphone)
            await asyncio.sleep(float("inf"))

    async def _say_lines(self) -> ExitStatus:
        plan, phone = self._plan, self._phone
        await self._until(lambda: phone.monitor.agent_speaks or phone.now_ms >= GREETING_MS)
        if not await self._until_settled():
            return self._not_heard("the agent's greeting did not end")
        for number, line in enumerate(plan.lines, 1):
            replies = self._replies
            self._printer.line(line, phone.now_ms)
            with contextlib.suppress(ConnectionLostError):
                await self._do(line)
            if phone.ended is not None:
                await asyncio.sleep(float("inf"))
            if not await (self._until_answered(replies) if number == len(plan.lines) else self._until_next(replies)):
                return self._not_heard(f"nothing was heard in answer to {line.label}")
        return ExitStatus.OK

    async def _do(self, line: Line) -> None:
        if line.pcm is None:
            self._phone.press(line.keys)
        else:
            await self._phone.say(await asyncio.to_thread(resample, line.pcm, RECORDED_HZ, self._phone.rate_hz))

    def _not_heard(self, what: str) -> ExitStatus:
        self._printer.fault(f"{what} within {self._plan.timeout_s:g} s")
        return ExitStatus.NO_REPLY

    async def _until_next(self, replies: int) -> bool:
        if self._plan.gap_s is not None:
            await asyncio.sleep(self._plan.gap_s)
            return True
        if self._plan.overlap_s is not None:
            if not await self._until(lambda: self._replies > replies):
                return False
            await asyncio.sleep(self._plan.overlap_s)
            return True
        return await self._until_answered(replies)

    async def _until_answered(self, replies: int) -> bool:
        return await self._until(lambda: self._replies > replies) and await self._until_settled()

    async def _until_settled(self) -> bool:
        """The agent has been quiet for a while. False where it speaks for ever."""
        monitor = self._phone.monitor

        def settled() -> bool:
            last = monitor.agent_last_loud_ms
            return not monitor.agent_speaks and (last is None or self._phone.now_ms - last >= SETTLED_MS)

        return await self._until(settled, patience_s=600)

    async def _until(self, happened: Callable[[], bool], *, patience_s: float | None = None) -> bool:
        loop = asyncio.get_running_loop()
        until = loop.time() + (self._plan.timeout_s if patience_s is None else patience_s)
        while not happened():
            if loop.time() > until:
                return False
            await asyncio.sleep(_POLL_S)
        return True


class Printer:
    """What a call prints: sentences for people, or one JSON object a line for programs."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._complaints: Counter[str] = Counter()
        self._complained = 0

    def show(self, event: PhoneEvent) -> None:
        """Prints an event."""
        if self._json:
            self._object(type(event).__name__, asdict(event))
            return
        match event:
            case CallStarted(url, before):
                print(f"— calling {url}")
                for what in before:
                    print(f"— note: {what}")
            case AgentSpeaks(at_ms, after_ms):
                wait = "" if after_ms is None else f", {after_ms} ms after the caller's last sound"
                print(f"{_time(at_ms)}  agent   is heard{wait}")
            case AgentSilent(at_ms, spoke_ms, level, barge_in_ms):
                cut = "" if barge_in_ms is None else f", {barge_in_ms} ms after the caller broke in"
                print(f"{_time(at_ms)}  agent   is silent{cut}; it spoke {spoke_ms / 1000:.1f} s at {level:.0f} dBFS")
            case ClearCame(thrown_ms):
                print(f"           server  clears the line: {thrown_ms:.0f} ms are thrown away")
            case Complaint(text):
                self._complain(text)
            case CallEnded(at_ms, by, why):
                print(f"{_time(at_ms)}  {by:6}  ended the call: {why}" if by != "caller" else f"{_time(at_ms)}  caller  hangs up")
            case MarkCame():
                return
        sys.stdout.flush()

    def line(self, line: Line, at_ms: int) -> None:
        """Prints that the caller's next line begins."""
        does = f"presses {line.keys}" if line.pcm is None else f"says {line.label} ({len(line.pcm) / 2 / RECORDED_HZ:.1f} s)"
        if self._json:
            self._object("Line", {"at_ms": at_ms, "label": line.label, "keys": line.keys})
        else:
            print(f"{_time(at_ms)}  caller  {does}", flush=True)

    def note(self, text: str) -> None:
        """Tells the user what to do."""
        if not self._json:
            print(f"— {text}", flush=True)

    def fault(self, text: str) -> None:
        """Tells the user of an error, on standard error."""
        print(f"hubbub: {text}", file=sys.stderr, flush=True)

    def summary(self, phone: PhoneCall) -> None:
        """Prints what the whole call was like."""
        line = phone.trunk.line
        found = {
            "call_ms": phone.now_ms, "first_sound_ms": phone.monitor.first_sound_ms, "marks": phone.marks, "clears": len(phone.clears),
            "largest_buffer_ms": round(line.largest * 1000 / line.rate_hz), "gaps": line.gaps, "lost_frames": phone.lost_frames,
            "complaints": self._complained,
        }  # fmt: skip
        if self._json:
            self._object("Summary", found)
            return
        first = "nothing was heard" if found["first_sound_ms"] is None else f"first sound at {_time(phone.monitor.first_sound_ms or 0)}"
        print(
            f"— {first}; at most {found['largest_buffer_ms']} ms waited at the carrier; {line.gaps} gaps; {phone.marks} marks, "
            f"{len(phone.clears)} clears; {phone.lost_frames} of the caller's frames were lost",
            flush=True,
        )

    def _complain(self, text: str) -> None:
        self._complained += 1
        if len(self._complaints) < MAX_KINDS or text in self._complaints:
            self._complaints[text] += 1
            if self._complaints[text] <= MAX_COMPLAINTS:
                more = " (and so on)" if self._complaints[text] == MAX_COMPLAINTS else ""
                print(f"— a carrier would not take this: {text}{more}")

    def _object(self, kind: str, values: dict[str, Any]) -> None:
        self._complained += kind == "Complaint"
        print(json.dumps({"type": kind, **values}, ensure_ascii=False), flush=True)


def _time(ms: int) -> str:
    return f"{ms // 60_000:3d}:{ms % 60_000 / 1000:06.3f}"
