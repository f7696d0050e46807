"""What a run tells whoever watches. Wire formats are translations of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.graph.result import VertexResult
    from headrace.schema import Message


@dataclass(frozen=True, slots=True)
class VertexStarted:
    """A vertex has all its inputs and begins."""

    vertex_id: str


@dataclass(frozen=True, slots=True)
class Token:
    """A model said the next piece of the message `message_id`."""

    chunk: str
    message_id: str


@dataclass(frozen=True, slots=True)
class MessageAdded:
    """A message came, or one that was partial is complete."""

    message: Message


@dataclass(frozen=True, slots=True)
class VertexEnded:
    """A vertex is done: `following` begin now, `skipped` will not run, since what leads to them was closed."""

    result: VertexResult
    following: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


Event = VertexStarted | Token | MessageAdded | VertexEnded
