"""The outcome of a run, as answers of the OpenAI API report it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.formats.tool_calls import ToolCallRecord, answer_tool_calls
from headrace.schema.message import Message
from headrace.schema.token_usage import TokenUsage

if TYPE_CHECKING:
    from headrace.graph.result import RunResult
    from headrace.models.openai_chat.completion import ToolCall


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a run.

    Attributes:
        text: the text of the answer.
        flow_calls: the calls of the flow's own tools, which the server made.
        client_calls: the calls of the client's tools, which the client makes.
        finish_reason: why the model ended: `stop`, `length`, `tool_calls` or `content_filter`.
        refusal: the model's reason for not answering; empty if it answered.
        usage: the tokens that all models of the flow used; zero if no model server reported any.

    """

    text: str = ""
    flow_calls: tuple[ToolCallRecord, ...] = ()
    client_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"
    refusal: str = ""
    usage: TokenUsage = field(default_factory=TokenUsage)


#: The reasons of the OpenAI API; a provider's own reasons count as a normal end.
_FINISH_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter"})


def outcome_of(result: RunResult) -> Outcome:
    """Return the outcome of a run."""
    answer, text = result.model_answer, answer_text(result)
    flow_calls, usage = tuple(answer_tool_calls(result)), result.usage or TokenUsage()
    if answer is None:
        return Outcome(text, flow_calls, usage=usage)
    reason = "tool_calls" if answer.tool_calls else answer.finish_reason
    return Outcome(
        text or answer.text,
        flow_calls,
        answer.tool_calls,
        # A flow whose agent called tools of its own has ended normally, unless the client's are called.
        reason if reason in _FINISH_REASONS and (answer.tool_calls or reason != "tool_calls") else "stop",
        answer.refusal,
        usage,
    )


def answer_text(result: RunResult) -> str:
    """Return the text of the first message in a run's answers, or an empty string."""
    for vertex in result.answers:
        for value in vertex.outputs.values():
            if isinstance(value, Message):
                return value.text
            if isinstance(value, dict) and isinstance(value.get("text"), str):
                return str(value["text"])
    return ""
