"""The mouthpiece: how fast a session's playout leaves, and how far it has been heard.

The server never sends more than a small lead ahead of the far end's playhead. Where the far end reports its playhead, that is
the truth, and between reports it is taken to go on in real time for a little while. Where it does not, the clock since the first
frame estimates it, and the ledger is credited a safe delay later. Pure: the caller says what time it is, in seconds.
"""

from .audio.frames import MOUTH_FRAME_SAMPLES, MOUTH_HZ
from .playout import Playout, Sound

LEAD_MS = 120
"""How far ahead of the playhead sound is sent: six frames, what a browser's worklet and a mobile line need to play without gaps."""

UNREPORTED_DELAY_MS = 150
"""How much later than sent an ear without reports is credited: a jitter buffer and a sound card. Under-credits, never over."""

EXTRAPOLATE_S = 0.4
"""How long a playhead is taken to go on after its last report (clients report every 100 ms)."""

FIRST_REPORT_S = 0.5
"""How long the first report of a reply is waited for, before its playhead is estimated, where earlier replies were reported without a
promise: by a browser that knows which RTP packet it plays."""

PATIENCE_S = 2.0
"""How long after its sound should have ended a reply waits for the far end's last report."""

NEVER_REPORTED_S = 2.0
"""How long a far end that promised reports, and has never sent one, is waited for: a program without a loudspeaker, most likely."""

SILENT_PATIENCE_S = 12.0
"""The same where the far end sends nothing else either: its line may be dead, which a ping finds out within 10 s."""


class Mouthpiece:
    """Paces one session's outgoing sound."""

    def __init__(self, *, lead_ms: int = LEAD_MS) -> None:
        self.playout = Playout(MOUTH_HZ)
        self.reports = True
        self.lead_ms = lead_ms
        self.delay_ms = UNREPORTED_DELAY_MS
        """How much later than sent an ear without reports is credited."""
        self.extrapolate_s = EXTRAPOLATE_S
        self._reply = 0
        self._anchor_offset = 0
        self._anchor_at = 0.0
        self._reported = False
        self._ever_reported = False
        self._began = 0.0
        self._complete_at: float | None = None
        self._full_until = 0.0
        """Until then the far end has its lead: nothing is due."""

    def connect(self, *, reports: bool, lead_ms: int) -> None:
        """Another line to the far end, which promises to report its playhead, or does not."""
        self.reports, self.lead_ms, self.delay_ms = reports, lead_ms, UNREPORTED_DELAY_MS
        self._ever_reported = self._ever_reported and reports

    @property
    def told(self) -> bool:
        """Whether the far end tells its playhead: it has promised to, or does so without a promise."""
        return self.reports or self._ever_reported

    def due(self, now: float) -> list[Sound]:
        """The sound that should leave at `now`."""
        reply = self.playout.current
        if not reply or (reply == self._reply and now < self._full_until) or self.playout.held(reply):
            return []
        if reply != self._reply:
            self._reply, self._anchor_offset, self._anchor_at = reply, 0, now
            self._reported, self._complete_at, self._began = False, None, now
        if self.reports and not self._ever_reported and now - self._began >= NEVER_REPORTED_S:
            self.estimate(now)
        self._full_until = 0.0
        out: list[Sound] = []
        head, lead = self._head(now), self.lead_ms * MOUTH_HZ // 1000
        if not self.reports and not self._reported and now - self._began >= (FIRST_REPORT_S if self._ever_reported else 0.0):
            self.playout.played(reply, head - self.delay_ms * MOUTH_HZ // 1000)
        while (sent := self.playout.sent(reply)) - head < lead:
            sound = self.playout.pull(MOUTH_FRAME_SAMPLES)
            if sound is None:
                if sent <= head:  # nothing was there to play: the ear waits, and so does its clock
                    self._anchor_offset, self._anchor_at = sent, now
                break
            out.append(sound)
            if sound.last:
                self._complete_at = now + (self.playout.sent(reply) - head) / MOUTH_HZ
                break
        else:
            if self.reports or self._reported:  # else the ledger is credited at every tick
                self._full_until = now + (sent - head - lead) / MOUTH_HZ
        return out

    def played(self, reply: int, offset: int, now: float) -> None:
        """The far end reports its playhead. The first report ends the estimating.

        Where no reports were promised, the pace stays that of the clock: what is sent over WebRTC has left in real time.
        """
        self.playout.played(reply, offset)
        if reply == self._reply:
            self._full_until = 0.0
            if self.reports:
                self._anchor_offset, self._anchor_at = self.playout.playhead(reply), now
            self._reported = self._ever_reported = True

    def estimate(self, now: float) -> None:
        """The far end reports nothing after all: from now on the clock says where its playhead is."""
        self._anchor_offset, self._anchor_at = self._head(now), now
        self.reports = self._ever_reported = False
        self._full_until = 0.0

    def hold(self, reply: int) -> None:
        """Silence at once."""
        self.playout.hold(reply)

    def resume(self, reply: int, now: float) -> None:
        """On from where it stopped."""
        self.playout.resume(reply)
        if not self.reports:  # its ear went on to the end of what had been sent, and there it waits
            self._anchor_offset = self._head(now)
        self._anchor_at = now
        self._full_until = 0.0
        if self._complete_at is not None:
            self._complete_at = now + self.playout.in_flight(reply) / MOUTH_HZ

    def rewind(self, reply: int, now: float) -> None:
        """The far end has thrown away what it had not played of the reply: it is sent again, from where the ear is taken to be.

        That place lies a little before the true one (a report is as old as its way here), so that nothing is left out and a moment at
        most is heard twice. Reports that are still on their way will not come, so the ledger is credited by the clock.
        """
        if reply != self._reply:
            return
        head, delay = self._head(now), self.delay_ms * MOUTH_HZ // 1000
        if not self._reported:
            head -= delay
        all_played = head >= self.playout.sent(reply)
        self.playout.played(reply, head if all_played else head - delay)
        self._anchor_offset, self._anchor_at = self.playout.rewind(reply, head), now
        self._full_until = 0.0
        if not all_played:
            self._complete_at = None

    def reconnect(self, now: float) -> None:
        """The far end has a new line: what was in flight on the old one is sent again, from the playhead. It drops what it has already."""
        reply = self._reply
        self._anchor_offset, self._anchor_at = self.playout.rewind(reply, self.playout.playhead(reply)), now
        self._complete_at, self._full_until = None, 0.0
        self._full_until = 0.0

    @property
    def reported(self) -> bool:
        """Whether the far end has said how far it played the reply; else its playhead is estimated."""
        return self._reported

    @property
    def ending(self) -> bool:
        """Whether all of the reply has left: it is worth asking whether it is `over`."""
        return self._complete_at is not None

    def over(self, reply: int, now: float, *, silent: bool = False) -> bool:
        """Whether the reply has been heard to its end, or its last report is not to be expected any more. `silent`: nothing at all
        comes from the far end."""
        if self._complete_at is None or reply != self._reply or self.playout.held(reply):
            return False
        if self.playout.through(reply):
            return True
        if not self.reports and now >= self._complete_at + self.delay_ms / 1000 + (self.extrapolate_s if self._reported else 0.0):
            self.playout.played(reply, self.playout.sent(reply))
            return True
        return now >= self._complete_at + (SILENT_PATIENCE_S if silent else PATIENCE_S)

    def _head(self, now: float) -> int:
        ahead = now - self._anchor_at
        if self.reports:
            ahead = min(ahead, self.extrapolate_s)
        return min(self._anchor_offset + int(ahead * MOUTH_HZ), self.playout.sent(self._reply))
