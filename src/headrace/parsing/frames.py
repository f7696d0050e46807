"""The messages between the server and its parsing processes.

A frame is the length of its header and of its body, each as a big-endian 32-bit number, the header as JSON, and the body.

A request's header is `{"operation": name, "args": {...}, "cpu_seconds": number}` and its body the input. A response's header
is one of

    {"value": ..., "last": ...}    the body is the result's text
    {"invalid": message, ...}      the input is not valid
    {"missing": message, ...}      a package is not installed
    {"limit": name, ...}           the input exceeds a limit: "memory", "nesting" or "result"
    {"failed": traceback, ...}     the operation failed in an unexpected way

`last` states that the process ends after this response.
"""

from __future__ import annotations

import struct
from typing import Any

import orjson

PREFIX = struct.Struct(">II")


def encode_frame(header: dict[str, Any], body: bytes) -> bytes:
    """Return the bytes of a frame.

    Raises:
        TypeError: the header is not JSON.

    """
    encoded = orjson.dumps(header)
    return b"".join((PREFIX.pack(len(encoded), len(body)), encoded, body))
