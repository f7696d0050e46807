"""Base classes for components that build LangChain agents."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from headrace.compat.agent_events import process_agent_events
from headrace.compat.component import Component
from headrace.component import DataInput, HandleInput, MultilineInput, Output
from headrace.models.agent_steps import steps_block
from headrace.models.input_fields import AGENT_INPUTS
from headrace.schema import Data, Message
from headrace.schema.message import SENDER_AI, SENDER_NAME_AI

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool


class LCAgentComponent(Component):
    """Run an agent that a subclass builds in `build_agent` or `create_agent_runnable`."""

    _base_inputs: list[Any] = AGENT_INPUTS[1:]
    outputs = [
        Output(name="agent", display_name="Agent", method="build_agent", hidden=True, tool_mode=False),
        Output(name="response", display_name="Response", method="message_response"),
    ]

    def build_agent(self) -> Any:
        """Return the agent. Subclasses override it."""
        raise NotImplementedError

    def create_agent_runnable(self) -> Runnable[Any, Any]:
        """Return the runnable that the agent executes. Subclasses override it."""
        raise NotImplementedError

    def get_chat_history_data(self) -> list[Data] | None:
        """Return the previous messages of the chat, or None. Subclasses may override it."""
        return None

    def get_agent_kwargs(self, *, flatten: bool = False) -> dict[str, Any]:
        """Return the settings of an agent executor, taken from the fields."""
        kwargs = {"verbose": bool(self.verbose), "allow_dangerous_code": False}
        executor = {
            "handle_parsing_errors": bool(self.handle_parsing_errors),
            "max_iterations": int(self.max_iterations or 15),
        }
        return {**kwargs, **executor} if flatten else {**kwargs, "agent_executor_kwargs": executor}

    def validate_tool_names(self) -> None:
        """Check that models accept the names of the tools.

        Raises:
            ValueError: a tool's name is not valid.

        """
        from headrace.component.tools import tool_name

        for tool in getattr(self, "tools", None) or []:
            if tool_name(tool.name) != tool.name:
                raise ValueError(
                    f"{tool.name!r} is not a valid tool name. Use at most 64 letters, digits, '_' and '-'."
                )

    async def message_response(self) -> Message:
        """Run the agent and return its answer, including its steps."""
        agent = self.build_agent()
        return await self.run_agent(await agent if inspect.isawaitable(agent) else agent)

    async def run_agent(self, agent: Any) -> Message:
        """Run an agent and return its answer, including its steps.

        Args:
            agent: an agent executor, or an agent, which gets an executor.

        Raises:
            ExceptionWithMessageError: the agent failed.
            ImportError: the extra `classic` is not installed.

        """
        if all(base.__name__ != "AgentExecutor" for base in type(agent).__mro__):
            agent = self._create_executor(agent)
        prompt = self.input_value
        inputs: dict[str, Any] = {"input": prompt.text if isinstance(prompt, Message) else str(prompt or "")}
        system_prompt = getattr(self, "system_prompt", "")
        if system_prompt:
            inputs["system_prompt"] = str(system_prompt)
        history = self.get_chat_history_data()
        if history:
            inputs["chat_history"] = [record.to_lc_message() for record in history]
        message = Message(
            sender=SENDER_AI,
            sender_name=SENDER_NAME_AI,
            session_id=self.context.session_id,
            content_blocks=[steps_block([])],
        )
        answer = await process_agent_events(agent.astream_events(inputs, version="v2"), message, self._show_progress)
        self.status = answer
        return answer

    async def _show_progress(self, message: Message) -> Message:
        # The component that receives the answer shows and stores it.
        return message

    def _create_executor(self, agent: Any) -> Any:
        from headrace.compat.importer import import_classic

        options = self.get_agent_kwargs(flatten=True)
        options.pop("allow_dangerous_code")
        connected = getattr(self, "tools", None) or []
        tools = [tool for item in connected for tool in (item if isinstance(item, list) else [item])]
        return import_classic("agents").AgentExecutor.from_agent_and_tools(agent=agent, tools=tools, **options)


class LCToolsAgentComponent(LCAgentComponent):
    """Run an agent with tools, whose runnable a subclass builds in `create_agent_runnable`."""

    _base_inputs: list[Any] = AGENT_INPUTS

    def build_agent(self) -> Any:
        """Return an agent executor for the subclass's runnable.

        Raises:
            ValueError: a tool's name is not valid.
            ImportError: the extra `classic` is not installed.

        """
        self.validate_tool_names()
        return self._create_executor(self.create_agent_runnable())

    def get_tool_name(self) -> str:
        """Return the name of the agent as a tool."""
        return self.display_name or "Agent"

    def get_tool_description(self) -> str:
        """Return the description of the agent as a tool."""
        return str(self.agent_description or self.description)

    def set_tools_callbacks(self, tools_list: list[BaseTool], callbacks_list: list[Any]) -> None:
        """Set the callbacks of tools."""
        for tool in tools_list:
            tool.callbacks = callbacks_list


class ToolCallingAgentComponent(LCToolsAgentComponent):
    """An agent whose model calls tools."""

    display_name = "Tool Calling Agent"
    description = "Answers with a model that can call tools."
    icon = "LangChain"
    inputs = [
        *AGENT_INPUTS,
        HandleInput(name="llm", display_name="Language Model", input_types=["LanguageModel"], required=True),
        MultilineInput(name="system_prompt", display_name="System Prompt"),
        DataInput(name="chat_history", display_name="Chat Memory", is_list=True, advanced=True),
    ]

    def get_chat_history_data(self) -> list[Data] | None:
        """Return the connected messages, or None if there are none."""
        return list(self.chat_history) or None

    def create_agent_runnable(self) -> Runnable[Any, Any]:
        """Return the tool calling agent of LangChain.

        Raises:
            ImportError: the extra `classic` is not installed.

        """
        from langchain_core.prompts import ChatPromptTemplate

        from headrace.compat.importer import import_classic

        lines = [("placeholder", "{chat_history}"), ("human", "{input}"), ("placeholder", "{agent_scratchpad}")]
        prompt = ChatPromptTemplate.from_messages(
            [*([("system", "{system_prompt}")] if self.system_prompt else []), *lines]
        )
        return import_classic("agents").create_tool_calling_agent(self.llm, self.tools, prompt)  # type: ignore[no-any-return]
