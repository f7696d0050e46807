"""The caller's options during a run, and the answer of the model that they apply to."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field

from headrace.component.run_end import EndRun
from headrace.models.openai_chat.completion import Completion, ToolCall
from headrace.models.request_options import ModelOptions


@dataclass(slots=True)
class ModelAnswer:
    """How the answering model ended. Its text is the flow's answer, as always.

    Attributes:
        finish_reason: `stop`, `length`, `tool_calls`, `content_filter` or what the provider calls it; empty if no model answered.
        tool_calls: the calls of the caller's tools. The run ends with them: no other vertex runs, and the flow's answer is empty.
        text: the text of the model, also if the flow's answer has another form.
        refusal: the model's reason for not answering.

    """

    finish_reason: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    text: str = ""
    refusal: str = ""


@dataclass(slots=True)
class ModelRequest:
    """The options of a run's caller.

    Attributes:
        options: the options.
        vertex_ids: the vertices whose models answer, which the options apply to.
        answer: filled in by the model.

    """

    options: ModelOptions
    vertex_ids: frozenset[str]
    answer: ModelAnswer = field(default_factory=ModelAnswer)

    def finish(self, completion: Completion) -> None:
        """Take the end of an answer.

        Raises:
            EndRun: the model called tools of the caller.

        """
        names = {tool.name for tool in self.options.tools}
        calls = tuple(call for call in completion.tool_calls if call.name in names)
        # An agent whose own tool returns its result as the answer ends with a call, but the caller has nothing to do.
        ended = "stop" if completion.tool_calls else completion.finish_reason or "stop"
        reason = "tool_calls" if calls else ended
        self.answer = ModelAnswer(reason, calls, completion.text, completion.refusal)
        if calls:
            raise EndRun


#: The request of the current run; None for a run without options, which is almost every run.
current_model_request: ContextVar[ModelRequest | None] = ContextVar("model_request", default=None)


def model_request_of(vertex_id: str) -> ModelRequest | None:
    """Return the caller's request if it applies to a vertex, or None."""
    request = current_model_request.get()
    return request if request is not None and vertex_id in request.vertex_ids else None
