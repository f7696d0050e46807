"""Tool Calling Agent: a connected model that calls tools until it can answer."""

from __future__ import annotations

from dataclasses import replace

from headrace.component import (
    Component,
    DataInput,
    HandleInput,
    MessageTextInput,
    Output,
)
from headrace.component.model_use import ModelUse
from headrace.models.conversation import Conversation, HistoryEntry, history_entry, question_of
from headrace.models.input_fields import AGENT_INPUTS
from headrace.models.model_request import model_request_of
from headrace.models.provider import ModelError
from headrace.models.tool_loop import ToolLoop, flat_tools
from headrace.schema import Data, Message
from headrace.schema.template import render


class ToolCallingAgentComponent(Component):
    """Run a connected model that can call tools, and stream its steps and its answer."""

    name = "ToolCallingAgent"
    display_name = "Tool Calling Agent"
    description = "Uses a connected model that can call tools to answer."
    icon = "LangChain"
    model_use = ModelUse(outputs=("response",), field="llm")
    aliases = ("OpenAIToolsAgent",)
    inputs = [
        *AGENT_INPUTS,
        HandleInput(
            name="llm",
            display_name="Language Model",
            input_types=["LanguageModel"],
            required=True,
            info="Model that the agent uses.",
        ),
        MessageTextInput(
            name="system_prompt",
            display_name="System Prompt",
            value="You are a helpful assistant that can use tools to answer questions and perform tasks.",
            info="Instructions for the agent.",
        ),
        DataInput(
            name="chat_history",
            display_name="Chat Memory",
            is_list=True,
            advanced=True,
            info="Earlier messages of the conversation.",
        ),
    ]
    outputs = [Output(name="response", display_name="Response", method="message_response")]

    async def message_response(self) -> Message:
        """Return a message that streams the agent's answer, with the agent's steps as content blocks.

        Raises:
            ModelError: the input is empty, or two tools have the same name.

        """
        loop = ToolLoop(
            model=self.llm,
            tools=flat_tools(self.tools),
            max_iterations=max(int(self.max_iterations or 0), 1),
            tolerate_invalid_calls=bool(self.handle_parsing_errors),
            vertex_id=self.id,
            request=model_request_of(self.id),
        )
        return loop.as_message(await self._conversation().messages(self))

    def _conversation(self) -> Conversation:
        text, files = question_of(self.input_value)
        history = [entry for record in self.chat_history for entry in _entries(record) if entry.text or entry.files]
        conversation = Conversation(text, files, str(self.system_prompt or ""), history)
        if conversation.is_empty(self.id):
            raise ModelError("The agent's input is empty. Connect or enter a message.")
        if self.values.get("user_prompt"):
            # The OpenAI Tools Agent, which this component replaces, has this field.
            return replace(conversation, text=render(str(self.values["user_prompt"]), {"input": text}))
        return conversation


def _entries(record: Data | Message) -> list[HistoryEntry]:
    """Return a message, or each message in a record's list `messages`, as an entry of the history."""
    if isinstance(record, Message):
        return [history_entry(record)]
    messages = record.data.get("messages")
    if isinstance(messages, list):
        records = [message if isinstance(message, Data) else Data(data=dict(message)) for message in messages]
        return [entry for message in records for entry in _entries(message)]
    files = record.data.get("files")
    paths = [path for path in files if isinstance(path, str)] if isinstance(files, list) else ()
    return [HistoryEntry(record.get_text(), record.data.get("sender"), paths)]
