"""The time, as a tool."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..base import ToolError, ToolFlags, tool


@tool(ToolFlags(read_only=True))
async def get_current_time(timezone: str = "UTC") -> str:
    """Tells the date, the weekday and the time.

    Args:
        timezone: An IANA time zone such as Europe/Berlin or Asia/Shanghai.
    """
    try:
        zone = UTC if timezone.upper() in ("UTC", "Z") else ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ToolError(f"There is no time zone {timezone!r}. Use a name such as Europe/Berlin, or UTC.") from None
    now = datetime.now(zone)
    return f"{now:%A}, {now.isoformat(timespec='seconds')} ({timezone})"
