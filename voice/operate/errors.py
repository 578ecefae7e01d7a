"""What went wrong lately: warnings and errors of the log, and the errors that callers were told. Bounded, and without secrets."""

import datetime
import itertools
import logging
import re
import traceback
from collections import deque
from dataclasses import dataclass

from ..secrecy import without_tokens

KEPT = 500
"""Warnings and errors of the log that are kept."""
KEPT_TOLD = 200
"""Errors told to callers: kept apart, since a caller can cause as many as he likes, and must not push the others out."""
MAX_MESSAGE_CHARS = 1000
MAX_DETAIL_CHARS = 4000

TOLD = "hubbub.told"
"""The logger of errors that callers were told. It goes to nobody but us: their gateways log what is worth a line."""

_FACT = re.compile(r"\b(room|session)=(\S+)")


@dataclass(slots=True)
class Fault:
    """Something that went wrong, once or several times in a row."""

    id: int
    at: str
    """The last time, ISO 8601."""
    level: str
    logger: str
    room: str
    session: str
    message: str
    detail: str
    """The end of the traceback, where there is one."""
    times: int = 1


class RecentErrors(logging.Handler):
    """A handler of the loggers below `hubbub` that keeps the last errors. Called from any thread."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.since_start = 0
        self._log: deque[Fault] = deque(maxlen=KEPT)
        self._told: deque[Fault] = deque(maxlen=KEPT_TOLD)
        self._ids = itertools.count(1)

    def open(self) -> None:
        """Begins to listen."""
        logging.getLogger("hubbub").addHandler(self)
        told = logging.getLogger(TOLD)
        told.setLevel(logging.INFO)
        told.propagate = False
        told.addHandler(self)

    def shut(self) -> None:
        """Listens no more."""
        logging.getLogger("hubbub").removeHandler(self)
        logging.getLogger(TOLD).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps a record (`logging.Handler`, which holds its lock meanwhile)."""
        told = record.name == TOLD
        if record.levelno < logging.WARNING and not told:
            return
        kept = self._told if told else self._log
        message = _cut(without_tokens(record.getMessage()), MAX_MESSAGE_CHARS)
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="microseconds")
        self.since_start += 1
        if kept and (kept[-1].logger, kept[-1].message) == (record.name, message):
            kept[-1].times += 1
            kept[-1].at = at
            return
        facts = dict(_FACT.findall(message))
        level = "error" if told else record.levelname.lower()
        kept.append(
            Fault(
                next(self._ids), at, level, record.name, facts.get("room", ""), facts.get("session", ""), message, _detail(record)
            )
        )

    def newest(self, limit: int) -> list[Fault]:
        """The last errors, newest first."""
        self.acquire()
        try:
            faults = [*self._log, *self._told]
        finally:
            self.release()
        return sorted(faults, key=lambda fault: fault.at, reverse=True)[:limit]


def _detail(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[0] is None:
        return ""
    text = "".join(traceback.format_exception(*record.exc_info))
    return without_tokens(text[-MAX_DETAIL_CHARS:])


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + "…"
