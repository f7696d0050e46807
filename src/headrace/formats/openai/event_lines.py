"""Lines of an event stream. Source: HTML Living Standard, server-sent events."""

from __future__ import annotations

from typing import Any

import orjson

#: The end of a stream of chunks.
DONE = b"data: [DONE]\n\n"
#: A comment in the event stream, which clients ignore.
HEARTBEAT = b": still running\n\n"


def data_line(body: dict[str, Any]) -> bytes:
    """Return an event without a name."""
    return b"data: " + orjson.dumps(body) + b"\n\n"
