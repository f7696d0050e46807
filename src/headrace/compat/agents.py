"""Base classes of components that make LangChain's agents."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from headrace.compat.agent_events import process_agent_events
from headrace.compat.component import Component
from headrace.component import DataInput, HandleInput, MultilineInput, Output
from headrace.models.fields import AGENT_INPUTS
from headrace.models.steps import steps_block
from headrace.schema import Data, Message
from headrace.schema.message import SENDER_AI, SENDER_NAME_AI

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool


class LCAgentComponent(Component):
    """An agent: a subclass makes it in `build_agent` or `create_agent_runnable`, and this runs it."""

    _base_inputs: list[Any] = AGENT_INPUTS[1:]
    outputs = [
        Output(name="agent", display_name="Agent", method="build_agent", hidden=True, tool_mode=False),
        Output(name="response", display_name="Response", method="message_response"),
    ]

    def build_agent(self) -> Any:
        """Return the agent; a subclass overrides it."""
        raise NotImplementedError

    def create_agent_runnable(self) -> Runnable[Any, Any]:
        """Return what the agent runs; a subclass overrides it."""
        raise NotImplementedError

    def get_chat_history_data(self) -> list[Data] | None:
        """Return what was said before; a subclass overrides it."""
        return None

    def get_agent_kwargs(self, *, flatten: bool = False) -> dict[str, Any]:
        """Return an executor's settings from the fields."""
        kwargs = {"verbose": bool(self.verbose), "allow_dangerous_code": False}
        executor = {
            "handle_parsing_errors": bool(self.handle_parsing_errors),
            "max_iterations": int(self.max_iterations or 15),
        }
        return {**kwargs, **executor} if flatten else {**kwargs, "agent_executor_kwargs": executor}

    def validate_tool_names(self) -> None:
        """Make sure that models take the names of the tools.

        Raises:
            ValueError: one is none.

        """
        from headrace.component.tools import tool_name

        for tool in getattr(self, "tools", None) or []:
            if tool_name(tool.name) != tool.name:
                raise ValueError(f"{tool.name!r} is no name for a tool: letters, digits, _ and -, 64 at most.")

    async def message_response(self) -> Message:
        """Return the agent's answer, with its steps."""
        agent = self.build_agent()
        return await self.run_agent(await agent if inspect.isawaitable(agent) else agent)

    async def run_agent(self, agent: Any) -> Message:
        """Run an agent, under an executor unless it is one, and return its answer with its steps.

        Raises:
            ExceptionWithMessageError: it failed.
            ImportError: the extra `classic` isn't installed.

        """
        if all(base.__name__ != "AgentExecutor" for base in type(agent).__mro__):
            agent = self._executor(agent)
        said = self.input_value
        inputs: dict[str, Any] = {"input": said.text if isinstance(said, Message) else str(said or "")}
        system = getattr(self, "system_prompt", "")
        if system:
            inputs["system_prompt"] = str(system)
        before = self.get_chat_history_data()
        if before:
            inputs["chat_history"] = [d.to_lc_message() for d in before]
        message = Message(
            sender=SENDER_AI,
            sender_name=SENDER_NAME_AI,
            session_id=self.context.session_id,
            content_blocks=[steps_block([])],
        )
        answer = await process_agent_events(agent.astream_events(inputs, version="v2"), message, self._show)
        self.status = answer
        return answer

    async def _show(self, message: Message) -> Message:
        # What is shown while the agent works is kept by whoever takes its answer.
        return message

    def _executor(self, agent: Any) -> Any:
        from headrace.compat.imports import classic

        options = self.get_agent_kwargs(flatten=True)
        options.pop("allow_dangerous_code")
        connected = getattr(self, "tools", None) or []
        tools = [tool for one in connected for tool in (one if isinstance(one, list) else [one])]
        return classic("agents").AgentExecutor.from_agent_and_tools(agent=agent, tools=tools, **options)


class LCToolsAgentComponent(LCAgentComponent):
    """An agent with tools: a subclass makes what it runs in `create_agent_runnable`."""

    _base_inputs: list[Any] = AGENT_INPUTS

    def build_agent(self) -> Any:
        """Return an executor of what the subclass runs.

        Raises:
            ImportError: the extra `classic` isn't installed.

        """
        self.validate_tool_names()
        return self._executor(self.create_agent_runnable())

    def get_tool_name(self) -> str:
        """Return what the agent is called as a tool."""
        return self.display_name or "Agent"

    def get_tool_description(self) -> str:
        """Return how the agent is described as a tool."""
        return str(self.agent_description or self.description)

    def set_tools_callbacks(self, tools_list: list[BaseTool], callbacks_list: list[Any]) -> None:
        """Have the tools tell these callbacks."""
        for tool in tools_list:
            tool.callbacks = callbacks_list


class ToolCallingAgentComponent(LCToolsAgentComponent):
    """An agent whose model asks for tools by itself."""

    display_name = "Tool Calling Agent"
    description = "A model that uses tools to answer."
    icon = "LangChain"
    inputs = [
        *AGENT_INPUTS,
        HandleInput(name="llm", display_name="Language Model", input_types=["LanguageModel"], required=True),
        MultilineInput(name="system_prompt", display_name="System Prompt"),
        DataInput(name="chat_history", display_name="Chat Memory", is_list=True, advanced=True),
    ]

    def get_chat_history_data(self) -> list[Data] | None:
        """Return what is connected as the chat's memory."""
        return list(self.chat_history) or None

    def create_agent_runnable(self) -> Runnable[Any, Any]:
        """Return LangChain's agent of tool calls.

        Raises:
            ImportError: the extra `classic` isn't installed.

        """
        from langchain_core.prompts import ChatPromptTemplate

        from headrace.compat.imports import classic

        lines = [("placeholder", "{chat_history}"), ("human", "{input}"), ("placeholder", "{agent_scratchpad}")]
        prompt = ChatPromptTemplate.from_messages(
            [*([("system", "{system_prompt}")] if self.system_prompt else []), *lines]
        )
        return classic("agents").create_tool_calling_agent(self.llm, self.tools, prompt)  # type: ignore[no-any-return]
