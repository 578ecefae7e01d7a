"""What must not stand in a log: tokens, in addresses, headers and messages."""

import logging
import re

_SECRET = re.compile(
    r"""(?ix)
    ( (?: token | ticket | resume | resume_token ) ["']? \s* [=:] \s* ["']? ) [\w.~+/=-]{6,}   # ?token=…, "resume_token": "…"
    | ( bearer \s+ ) [\w.~+/=-]{6,}
    | \b eyJ [\w-]{8,} \. [\w-]+ \. [\w-]+                                            # a JSON Web Token, wherever it stands
    """
)


def without_tokens(text: str) -> str:
    """A text with `…` in the place of every token."""
    return _SECRET.sub(lambda found: f"{found[1] or found[2] or ''}…", text)


def without_secrets(record: logging.LogRecord) -> bool:
    """A filter of logging handlers: rewrites a record that would tell a token."""
    message = record.getMessage()
    cleaned = without_tokens(message)
    if cleaned != message:
        record.msg, record.args = cleaned, None
    return True
