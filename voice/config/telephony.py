"""What can be configured of telephone calls."""

from .asterisk import AsteriskConfig
from .section import Section


class TelephonyConfig(Section):
    """Who may bring calls in, and how."""

    asterisk: AsteriskConfig = AsteriskConfig()
