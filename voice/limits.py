"""How much of the server one address, or the holders of one key, may take. Pure: the caller says what time it is, in seconds."""

from collections import OrderedDict

from .config.access import ShareConfig
from .grant import Refused

MAX_ADDRESSES = 10_000
"""Addresses that are remembered. Who has a seat or a room is never forgotten; of the others, whoever was seen longest ago."""

DAY_S = 86_400.0

FAULTS_A_MINUTE = 20
"""Wrong credentials: more than a person mistypes, fewer than a program that guesses wants."""


class Bucket:
    """An amount that fills up again at a steady pace: `capacity` in `period_s`."""

    __slots__ = ("_at", "_left", "capacity", "per_s")

    def __init__(self, capacity: float, period_s: float) -> None:
        self.capacity = capacity
        self.per_s = capacity / period_s
        self._left = capacity
        self._at = 0.0

    def left(self, now: float) -> float:
        """What may be taken now."""
        self._left = min(self.capacity, self._left + max(0.0, now - self._at) * self.per_s)
        self._at = now
        return self._left

    def take(self, now: float, amount: float = 1.0) -> bool:
        """Takes an amount; False, and nothing is taken, where there is less."""
        if self.left(now) < amount:
            return False
        self._left -= amount
        return True

    def drain(self, now: float, amount: float) -> None:
        """Takes what there is, up to an amount."""
        self._left = max(0.0, self.left(now) - amount)


class Share:
    """What one address, or one key, has taken."""

    __slots__ = ("_bounds", "_faults", "_joins", "_messages", "_seconds", "_whose", "rooms", "sessions")

    def __init__(self, whose: str, bounds: ShareConfig) -> None:
        """`whose`: as refusals name it, such as "your address"."""
        self._whose = whose
        self._bounds = bounds
        self.sessions = 0
        self.rooms = 0
        self._faults = Bucket(FAULTS_A_MINUTE, 60)
        self._joins = _bucket(bounds.joins_a_minute, 60)
        self._messages = _bucket(bounds.messages_a_minute, 60)
        self._seconds = _bucket(None if bounds.minutes_a_day is None else bounds.minutes_a_day * 60, DAY_S)

    def check_join(self, now: float) -> None:
        """Raises Refused (`too_many`) where one more caller would be too many."""
        if self._bounds.sessions is not None and self.sessions >= self._bounds.sessions:
            raise Refused("too_many", f"{self._whose} has {self.sessions} callers here, and may have no more at a time")
        if self._joins is not None and self._joins.left(now) < 1:
            raise Refused("too_many", f"{self._whose} joins more than {self._bounds.joins_a_minute} times a minute: wait a little")
        if not self.has_minutes(now):
            raise Refused("too_many", f"{self._whose} has used up its {self._bounds.minutes_a_day} minutes a day: try again later")

    def join(self, now: float) -> None:
        """Counts one more caller. Raises Refused."""
        self.check_join(now)
        if self._joins is not None:
            self._joins.take(now)
        self.sessions += 1

    def leave(self) -> None:
        """Counts a caller less."""
        self.sessions -= 1

    def open_room(self) -> None:
        """Counts one more room. Raises Refused (`too_many`)."""
        if self._bounds.rooms is not None and self.rooms >= self._bounds.rooms:
            raise Refused("too_many", f"{self._whose} has {self.rooms} rooms open here, and may have no more: close one first")
        self.rooms += 1

    def close_room(self) -> None:
        """Counts a room less."""
        self.rooms -= 1

    def message(self, now: float) -> bool:
        """Counts a control message or a request; False for one too many."""
        return self._messages is None or self._messages.take(now)

    def fault(self, now: float) -> None:
        """Counts a wrong credential."""
        self._faults.drain(now, 1)

    def guesses(self, now: float) -> bool:
        """Whether so many wrong credentials came that no more are looked at for now."""
        return self._faults.left(now) < 1

    def talk(self, now: float, seconds: float) -> None:
        """Counts the time of one connected session."""
        if self._seconds is not None:
            self._seconds.drain(now, seconds)

    def has_minutes(self, now: float) -> bool:
        """Whether there is time left to talk."""
        return self._seconds is None or self._seconds.left(now) >= 1

    @property
    def in_use(self) -> bool:
        """Somebody of this share has a seat or a room."""
        return self.sessions > 0 or self.rooms > 0


class Shares:
    """The shares of all addresses, or of all keys; a bounded table."""

    def __init__(self, *, limit: int = MAX_ADDRESSES) -> None:
        self._limit = limit
        self._shares: OrderedDict[str, Share] = OrderedDict()

    def of(self, name: str, whose: str, bounds: ShareConfig) -> Share:
        """The share of an address or key, made where there was none."""
        share = self._shares.get(name)
        if share is None:
            share = self._shares[name] = Share(whose, bounds)
            if len(self._shares) > self._limit:
                self._forget_one()
        self._shares.move_to_end(name)
        return share

    def __len__(self) -> int:
        return len(self._shares)

    def _forget_one(self) -> None:
        for name, share in self._shares.items():
            if not share.in_use:
                del self._shares[name]
                return


def _bucket(capacity: float | None, period_s: float) -> Bucket | None:
    return None if capacity is None else Bucket(capacity, period_s)
