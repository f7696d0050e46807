"""The size of the answers of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.graph.held_values import plain_size
from headrace.limits.byte_budget import RUN_SETTING, ByteLimitError, readable_size

if TYPE_CHECKING:
    from headrace.graph.result import RunResult, VertexResult

#: Number of times that the JSON of an answer may contain each value.
VALUE_COPIES = 6


def answer_size(result: RunResult) -> int:
    """Return about the size of the JSON of a run's answer, in bytes."""
    return VALUE_COPIES * sum(_size_of(vertex) for vertex in result.answers)


def check_answer_size(result: RunResult, max_bytes: int) -> int:
    """Return about the size of the JSON of a run's answer, in bytes.

    Raises:
        ByteLimitError: it exceeds the limit.

    """
    size = answer_size(result)
    if size > max_bytes:
        raise ByteLimitError(f"The answer of this run would take {readable_size(size)}", max_bytes, RUN_SETTING)
    return size


def _size_of(vertex: VertexResult) -> int:
    # The text of a message may have been streamed after the end of its vertex.
    return max(vertex.output_bytes, sum(plain_size(value) or 0 for value in vertex.outputs.values()))
