"""What a house keeps for its operator."""

import datetime
import time
from pathlib import Path

from .errors import RecentErrors
from .recordings import Recordings
from .replays import Replays


class Watch:
    """Recent errors, the folder of recordings, and replays. `open` begins, `close` ends everything."""

    def __init__(self, record: Path | None) -> None:
        """`record`: the folder of recordings, None where none are made."""
        self.started = datetime.datetime.now(datetime.UTC)
        self.errors = RecentErrors()
        self.recordings = None if record is None else Recordings(record)
        self.replays = Replays()
        self._began = time.monotonic()

    @property
    def uptime_s(self) -> float:
        """Seconds since the house was made."""
        return time.monotonic() - self._began

    def open(self) -> None:
        """Begins to watch."""
        self.errors.open()

    async def close(self) -> None:
        """Ends what runs."""
        self.errors.shut()
        await self.replays.close()
