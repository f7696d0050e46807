"""The events of a run. Each wire format translates the same events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.graph.result import VertexResult
    from headrace.schema import Message


@dataclass(frozen=True, slots=True)
class VertexStarted:
    """A vertex started: all its inputs are ready."""

    vertex_id: str


@dataclass(frozen=True, slots=True)
class TokenEmitted:
    """A model produced the next chunk of the message `message_id`."""

    chunk: str
    message_id: str


@dataclass(frozen=True, slots=True)
class MessageEmitted:
    """A message was created or updated, or a partial message is now complete."""

    message: Message


@dataclass(frozen=True, slots=True)
class VertexEnded:
    """A vertex ended with a result."""

    result: VertexResult
    #: Vertices that start now.
    following: tuple[str, ...] = ()
    #: Vertices that this run skips because all edges into them, or into a required field, are closed.
    skipped: tuple[str, ...] = ()


Event = VertexStarted | TokenEmitted | MessageEmitted | VertexEnded

#: Receives every event of a run as it happens. It must not block; for a `VertexEnded` with large values, it may return an
#: awaitable, and the vertices that follow start after it.
Emit = Callable[[Event], Awaitable[None] | None]
