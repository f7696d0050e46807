"""Run an agent: the model calls tools and reads their results until it answers."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from headrace.component.tools import text_of
from headrace.limits.byte_budget import current_budget
from headrace.models.agent_steps import create_step, finish_step, steps_block
from headrace.models.caller_tools import with_caller_tools
from headrace.models.chat_model import answer_message, as_chat_model, tool_message, user_message
from headrace.models.openai_chat.tool_calls import parse_arguments
from headrace.models.provider import ModelError
from headrace.models.usage import counted_for, current_vertex
from headrace.schema import Message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

    from headrace.models.chat_model import ChatMessage, ChatModel
    from headrace.models.model_request import ModelRequest
    from headrace.models.openai_chat.completion import Completion, ToolCall
    from headrace.models.request_options import ModelOptions

#: The last message to a model that has reached its limit of iterations.
OUT_OF_TURNS_PROMPT = "You have used up your turns with tools. Answer now with what you have."


@dataclass(frozen=True, slots=True)
class _LoopModels:
    """The model of an agent without tools, with tools for its first answer, and with tools for later answers."""

    without_tools: ChatModel
    first: ChatModel
    later: ChatModel


@dataclass(slots=True)
class ToolLoop:
    """A conversation of a model with its tools. The model always streams its text.

    Attributes:
        max_iterations: the maximum number of answers with tool calls; after that, the model must answer without tools.
        tolerate_invalid_calls: whether the model may correct an invalid call; otherwise an invalid call fails the run.
        vertex_id: the vertex that the agent's model calls count for.
        request: the request of the run's caller, whose options and tools apply; None if it has none.
        steps: the calls so far, as entries of a content block.

    """

    model: ChatModel | BaseChatModel
    tools: Sequence[BaseTool]
    max_iterations: int
    tolerate_invalid_calls: bool = True
    vertex_id: str = ""
    request: ModelRequest | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)

    def as_message(self, messages: Sequence[ChatMessage]) -> Message:
        """Return a message that streams the answer, with the steps as its content block.

        Raises:
            UnsupportedOptionError: the model cannot honour an option of the caller.

        """
        return Message(stream=self._run(self._models(), messages), content_blocks=[steps_block(self.steps)])

    def _models(self) -> _LoopModels:
        """Return the model with its tools and with the caller's options."""
        model = as_chat_model(self.model)
        if self.request is None:
            with_tools = model.with_tools(self.tools) if self.tools else model
            return _LoopModels(model, with_tools, with_tools)
        options = self.request.options
        model = model.with_caller_options(options)
        first = with_caller_tools(model, options, self.tools)
        # A choice applies to the first answer. Applied to each, the model could not stop calling a tool.
        later = (
            first if options.tool_choice == "none" else with_caller_tools(model, _without_choice(options), self.tools)
        )
        return _LoopModels(model, first, later)

    async def _run(self, models: _LoopModels, messages: Sequence[ChatMessage]) -> AsyncIterator[str]:
        """Yield the model's text in parts, and an empty text whenever `steps` changed.

        Raises:
            ModelError: a call is not valid, and invalid calls are not tolerated.
            EndRun: the model called a tool of the caller.
            Exception: the error of the provider's client.

        """
        conversation = list(messages)
        model = models.first
        with current_budget.get().grow("The conversation with the model") as growth:
            for _ in range(self.max_iterations):
                answers: list[Completion] = []
                async for text in self._stream_answer(model, conversation, answers):
                    yield text
                answer, model = answers[0], models.later
                if self.request is not None:
                    self.request.finish(answer)
                if not answer.tool_calls:
                    return
                conversation.append(answer_message(answer))
                growth.add(len(answer.text) + sum(len(call.arguments) for call in answer.tool_calls))
                calls = [self._start(call) for call in answer.tool_calls]
                yield ""
                results = await asyncio.gather(*(call.execute() for call in calls))
                conversation += [tool_message(text, call.id) for text, call in zip(results, calls, strict=True)]
                # A result is also part of the agent's steps.
                growth.add(2 * sum(map(sys.getsizeof, results)))
                yield ""
                direct = [text for text, call in zip(results, calls, strict=True) if call.returns_directly]
                if direct:
                    yield direct[-1]
                    return
            answers = []
            conversation.append(user_message(OUT_OF_TURNS_PROMPT))
            async for text in self._stream_answer(models.without_tools, conversation, answers):
                yield text
            if self.request is not None:
                self.request.finish(answers[0])

    async def _stream_answer(
        self, model: ChatModel, messages: Sequence[ChatMessage], answers: list[Completion]
    ) -> AsyncIterator[str]:
        """Yield the text of an answer in parts, and append the complete answer to `answers`."""
        with counted_for(self.vertex_id):
            stream = model.stream(messages)
        try:
            async for delta in stream:
                if delta.text:
                    yield delta.text
        finally:
            await stream.aclose()
        answers.append(stream.completion)

    def _start(self, call: ToolCall) -> _ToolRun:
        """Return the execution of a call, and add the call to the steps."""
        arguments, problem = parse_arguments(call.arguments)
        if arguments is None:
            return self._reject(call, problem)
        step = create_step(call.name, arguments)
        self.steps.append(step)
        return _ToolRun(call.id, call.name, arguments, self.tools, step, self.vertex_id)

    def _reject(self, call: ToolCall, problem: str) -> _ToolRun:
        reason = f"The call of tool {call.name!r} is not valid: {problem}"
        if not self.tolerate_invalid_calls:
            raise ModelError(reason)
        self.steps.append({"type": "error", "component": call.name, "reason": reason})
        rejection = f"{reason} Call it again with a valid JSON object."
        return _ToolRun(call.id, call.name, {}, self.tools, None, self.vertex_id, rejection)


@dataclass(slots=True)
class _ToolRun:
    """The execution of one tool call. An invalid call has no step, and `rejection` is its result."""

    id: str
    name: str
    arguments: dict[str, Any]
    tools: Sequence[BaseTool]
    step: dict[str, Any] | None
    vertex_id: str
    rejection: str = ""
    returns_directly: bool = False

    async def execute(self) -> str:
        """Return the tool's result as text. An error of the tool becomes a result that the model reads."""
        if self.step is None:
            return self.rejection
        started = time.perf_counter()
        # The call runs in a task, whose context variables are its own.
        current_vertex.set(self.vertex_id)
        try:
            tool = self._find_tool()
            result = await tool.ainvoke(self.arguments)
            self.step["output"] = text = text_of(result)
            self.returns_directly = bool(tool.return_direct)
        except Exception as error:
            self.step["error"] = text = f"Error: {error or type(error).__name__}"
        self.step["duration"] = round((time.perf_counter() - started) * 1000)
        finish_step(self.step)
        return text

    def _find_tool(self) -> BaseTool:
        tool = next((t for t in self.tools if t.name == self.name), None)
        if tool is None:
            names = ", ".join(t.name for t in self.tools) or "none"
            raise ModelError(f"Tool {self.name!r} does not exist. Available tools: {names}.")
        return tool


def _without_choice(options: ModelOptions) -> ModelOptions:
    return replace(options, tool_choice=None)


def flat_tools(connected: Any) -> list[BaseTool]:
    """Return the tools that are connected to a field as one list.

    Args:
        connected: a tool, or a list of tools and of lists of tools.

    Raises:
        ModelError: two tools have the same name.

    """
    tools = [
        tool
        for entry in (connected if isinstance(connected, list) else [connected])
        for tool in (entry if isinstance(entry, list) else [entry])
    ]
    names = [tool.name for tool in tools]
    if duplicates := {name for name in names if names.count(name) > 1}:
        raise ModelError(f"Two tools are named {', '.join(sorted(duplicates))}. Rename one of them.")
    return tools
