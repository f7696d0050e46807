"""Tool Calling Agent: a connected model that uses tools until it can answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.component import (
    Component,
    DataInput,
    HandleInput,
    MessageTextInput,
    Output,
)
from headrace.models.fields import AGENT_INPUTS
from headrace.models.provider import ModelError
from headrace.models.tool_loop import ToolLoop, flat_tools
from headrace.schema import Data, Message
from headrace.schema.message import SENDER_AI
from headrace.schema.template import fill

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


class ToolCallingAgentComponent(Component):
    """Hands what is said to a connected model that may call tools, and streams its steps and its words."""

    name = "ToolCallingAgent"
    display_name = "Tool Calling Agent"
    description = "A connected model that uses tools to answer."
    icon = "LangChain"
    formerly = ("OpenAIToolsAgent",)
    inputs = [
        *AGENT_INPUTS,
        HandleInput(
            name="llm",
            display_name="Language Model",
            input_types=["LanguageModel"],
            required=True,
            info="Who answers.",
        ),
        MessageTextInput(
            name="system_prompt",
            display_name="System Prompt",
            value="You are a helpful assistant that can use tools to answer questions and perform tasks.",
            info="How the agent should behave.",
        ),
        DataInput(
            name="chat_history",
            display_name="Chat Memory",
            is_list=True,
            advanced=True,
            info="What was said before.",
        ),
    ]
    outputs = [Output(name="response", display_name="Response", method="message_response")]

    async def message_response(self) -> Message:
        """Return a message that speaks, with the agent's steps as its content blocks.

        Raises:
            ModelError: nothing was said to the agent, or two of its tools have one name.

        """
        loop = ToolLoop(
            model=self.llm,
            tools=flat_tools(self.tools),
            most=max(int(self.max_iterations or 0), 1),
            streaming=self.context.streaming,
            mends=bool(self.handle_parsing_errors),
        )
        return loop.speak(self._conversation())

    def _conversation(self) -> list[BaseMessage]:
        from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

        said = self.input_value
        text = said.text if isinstance(said, Message) else str(said or "")
        if not text:
            raise ModelError("Nothing was said to the agent.")
        if self.values.get("user_prompt"):
            # Of an older agent, whose place this one takes.
            text = fill(str(self.values["user_prompt"]), {"input": text})
        before = [
            AIMessage(words) if sender == SENDER_AI else HumanMessage(words)
            for record in self.chat_history
            for words, sender in _said(record)
            if words
        ]
        system = [SystemMessage(str(self.system_prompt))] if self.system_prompt else []
        return [*system, *before, HumanMessage(text)]


def _said(record: Data | Message) -> list[tuple[str, str | None]]:
    """Return what a record tells: a message, or the messages that a history lists under `messages`."""
    if isinstance(record, Message):
        return [(record.text, record.sender)]
    listed = record.data.get("messages")
    if isinstance(listed, list):
        return [pair for one in listed for pair in _said(one if isinstance(one, Data) else Data(data=dict(one)))]
    return [(record.get_text(), record.data.get("sender"))]
