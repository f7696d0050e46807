"""The loop of an agent: the model asks for tools, reads what they gave, and asks again until it answers."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.models.provider import ModelError
from headrace.models.steps import end_step, step_begun, steps_block
from headrace.schema import Message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from langchain_core.language_models import BaseChatModel, LanguageModelInput
    from langchain_core.messages import AIMessage, BaseMessage, InvalidToolCall, ToolCall, ToolMessage
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool

#: What an agent is told whose turns are used up.
NO_MORE = "You have used up your turns with tools. Answer now with what you have."


@dataclass(slots=True)
class ToolLoop:
    """One conversation of a model with its tools.

    `steps` is what a chat shows of them, an entry a call, in the form of a message's content blocks.
    """

    model: BaseChatModel
    tools: Sequence[BaseTool]
    #: The model may ask for tools so many times; then it has to answer.
    most: int
    #: Whether the model's words are wanted one by one.
    streaming: bool
    #: Whether the model is told of calls that cannot be read; else they end the run.
    mends: bool = True
    steps: list[dict[str, Any]] = field(default_factory=list)

    def speak(self, messages: list[BaseMessage]) -> Message:
        """Return a message that speaks, with the steps as its content block."""
        return Message(stream=self.run(messages), content_blocks=[steps_block(self.steps)])

    async def run(self, messages: list[BaseMessage]) -> AsyncIterator[str]:
        """Yield what the model says, and an empty text whenever `steps` changed.

        Raises:
            ModelError: the model asks for a tool in a form that cannot be read, and is not told of it.
            Exception: whatever the provider's client raises.

        """
        from langchain_core.messages import HumanMessage

        conversation = list(messages)
        asking = self.model.bind_tools(self.tools) if self.tools else self.model
        for _ in range(self.most):
            said: list[AIMessage] = []
            async for text in self._ask(asking, conversation, said):
                yield text
            answer = said[0]
            conversation.append(answer)
            if not answer.tool_calls and not answer.invalid_tool_calls:
                return
            begun = [self._begin(call) for call in answer.tool_calls]
            yield ""
            results = await asyncio.gather(
                *(self._call(call, step) for call, step in zip(answer.tool_calls, begun, strict=True))
            )
            conversation += [*results, *(self._unreadable(call) for call in answer.invalid_tool_calls)]
            yield ""
            if any(step.pop("return_direct", False) for step in begun):
                yield str(results[-1].content)
                return
        async for text in self._ask(self.model, [*conversation, HumanMessage(NO_MORE)], []):
            yield text

    async def _ask(
        self, asking: Runnable[LanguageModelInput, AIMessage], messages: list[BaseMessage], said: list[AIMessage]
    ) -> AsyncIterator[str]:
        """Yield what the model says to `messages`, and add it to `said` once it is whole."""
        if not self.streaming:
            answer = await asking.ainvoke(messages)
            said.append(answer)
            if answer.text:
                yield str(answer.text)
            return
        whole: Any = None
        async for chunk in asking.astream(messages):
            whole = chunk if whole is None else whole + chunk
            if chunk.text:
                yield str(chunk.text)
        if whole is None:
            raise ModelError("The model ended its answer before it said anything.")
        said.append(whole)

    def _begin(self, call: ToolCall) -> dict[str, Any]:
        step = step_begun(call["name"], call["args"])
        self.steps.append(step)
        return step

    async def _call(self, call: ToolCall, step: dict[str, Any]) -> ToolMessage:
        """Return what a tool gave. A tool that fails is something that the model reads, not the end of the run."""
        from langchain_core.messages import ToolMessage

        begun = time.perf_counter()
        try:
            tool = self._named(call["name"])
            given = await tool.ainvoke(call["args"])
            step["output"] = content = given if isinstance(given, str) else str(given)
            if tool.return_direct:
                step["return_direct"] = True
        except Exception as error:
            step["error"] = content = f"Error: {error or type(error).__name__}"
        step["duration"] = round((time.perf_counter() - begun) * 1000)
        end_step(step)
        return ToolMessage(content, tool_call_id=call["id"] or "", status="error" if step["error"] else "success")

    def _named(self, name: str) -> BaseTool:
        tool = next((t for t in self.tools if t.name == name), None)
        if tool is None:
            raise ModelError(
                f"There is no tool {name!r}. The tools: {', '.join(t.name for t in self.tools) or 'none'}."
            )
        return tool

    def _unreadable(self, call: InvalidToolCall) -> ToolMessage:
        from langchain_core.messages import ToolMessage

        problem = f"The arguments of {call['name']!r} are no JSON object: {call['error'] or call['args']}"
        if not self.mends:
            raise ModelError(problem)
        self.steps.append({"type": "error", "component": call["name"], "reason": problem})
        return ToolMessage(f"{problem}. Call it again.", tool_call_id=call["id"] or "", status="error")


def flat_tools(given: Any) -> list[BaseTool]:
    """Return the tools that are connected to a field, each a tool or a list of them.

    Raises:
        ModelError: two have one name.

    """
    tools = [
        tool
        for one in (given if isinstance(given, list) else [given])
        for tool in (one if isinstance(one, list) else [one])
    ]
    names = [tool.name for tool in tools]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ModelError(f"Two tools are named {', '.join(sorted(twice))}. Give each a name of its own.")
    return tools
