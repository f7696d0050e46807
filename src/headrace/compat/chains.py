"""Base classes of components that make LangChain's chains, memories and agents."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from headrace.compat.component import Component
from headrace.component import BoolInput, DataInput, HandleInput, IntInput, MessageInput, MultilineInput, Output
from headrace.component.component import ComponentError
from headrace.schema import Data, Message
from headrace.schema.message import SENDER_AI, SENDER_NAME_AI

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool

STEPS = "Agent Steps"
SendMessage = Callable[[Message], Awaitable[Message]]


class LCChainComponent(Component):
    """A chain: a subclass makes and invokes it in `invoke_chain`."""

    outputs = [Output(name="text", display_name="Text", method="invoke_chain")]

    def _validate_outputs(self) -> None:
        """Make sure that the subclass has what its outputs call.

        Raises:
            ComponentError: it has not.

        """
        for output in self.outputs:
            if not hasattr(self, output.method):
                raise ComponentError(f"{type(self).__name__} has no method {output.method!r}, which its output names.")


class LCChatMemoryComponent(Component):
    """A chat's memory: a subclass makes it in `build_message_history`."""

    outputs = [Output(name="memory", display_name="Memory", method="build_message_history", types=["Memory"])]

    def build_message_history(self) -> Any:
        """Return the history; a subclass overrides it."""
        raise NotImplementedError

    def build_base_memory(self) -> Any:
        """Return the history as LangChain's older memory.

        Raises:
            ImportError: the extra `classic` isn't installed.

        """
        from headrace.compat.imports import classic

        return classic("memory").ConversationBufferMemory(chat_memory=self.build_message_history())


class LCAgentComponent(Component):
    """An agent: a subclass makes it in `build_agent` or `create_agent_runnable`, and this runs it."""

    _base_inputs: list[Any] = [
        MessageInput(name="input_value", display_name="Input", tool_mode=True),
        BoolInput(name="handle_parsing_errors", display_name="Handle Parse Errors", value=True, advanced=True),
        BoolInput(name="verbose", display_name="Verbose", value=True, advanced=True),
        IntInput(name="max_iterations", display_name="Max Iterations", value=15, advanced=True),
        MultilineInput(
            name="agent_description",
            display_name="Agent Description [Deprecated]",
            value="A helpful assistant with access to the following tools:",
            advanced=True,
        ),
    ]
    outputs = [
        Output(name="agent", display_name="Agent", method="build_agent", hidden=True, tool_mode=False),
        Output(name="response", display_name="Response", method="message_response"),
    ]

    @classmethod
    def get_base_inputs(cls) -> list[Any]:
        """Return the inputs that every agent has."""
        return list(cls._base_inputs)

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
            content_blocks=[{"title": STEPS, "contents": [], "allow_markdown": True, "media_url": None}],
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
        tools = list(getattr(self, "tools", None) or [])
        return classic("agents").AgentExecutor.from_agent_and_tools(agent=agent, tools=tools, **options)


class LCToolsAgentComponent(LCAgentComponent):
    """An agent with tools: a subclass makes what it runs in `create_agent_runnable`."""

    _base_inputs: list[Any] = [
        HandleInput(name="tools", display_name="Tools", input_types=["Tool", "Agent"], is_list=True),
        *LCAgentComponent._base_inputs,  # noqa: SLF001
    ]

    def build_agent(self) -> Any:
        """Return an executor of what the subclass runs.

        Raises:
            ImportError: the extra `classic` isn't installed.

        """
        from headrace.compat.imports import classic

        self.validate_tool_names()
        options = self.get_agent_kwargs(flatten=True)
        options.pop("allow_dangerous_code")
        tools = [tool for one in self.tools for tool in (one if isinstance(one, list) else [one])]
        return classic("agents").AgentExecutor(agent=self.create_agent_runnable(), tools=tools, **options)

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
        *LCToolsAgentComponent._base_inputs,  # noqa: SLF001
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


async def process_agent_events(
    agent_executor: AsyncIterator[dict[str, Any]],
    agent_message: Message,
    send_message_callback: SendMessage,
    send_token_callback: Callable[[dict[str, Any]], None] | None = None,
) -> Message:
    """Read the events of a LangChain agent into a message: its tools' steps as content blocks, its answer as the text.

    Args:
        agent_executor: what `astream_events` yields.
        agent_message: the message; an empty block for the steps is made where it has none.
        send_message_callback: told after each step.
        send_token_callback: told each token, where somebody wants them.

    Raises:
        ExceptionWithMessageError: the agent failed; holds the message so far.

    """
    from headrace.compat.helpers import ExceptionWithMessageError

    agent_message.id = agent_message.id or str(uuid4())
    if not agent_message.content_blocks:
        agent_message.content_blocks = [{"title": STEPS, "contents": [], "allow_markdown": True, "media_url": None}]
    steps: list[dict[str, Any]] = agent_message.content_blocks[0]["contents"]
    open_steps: dict[str, dict[str, Any]] = {}
    try:
        async for event in agent_executor:
            kind, data = event["event"], event["data"]
            if kind == "on_tool_start":
                step = open_steps[event["run_id"]] = _step(event["name"], data.get("input"))
                steps.append(step)
            elif kind in ("on_tool_end", "on_tool_error") and event["run_id"] in open_steps:
                step = open_steps.pop(event["run_id"])
                step["header"] = {"title": f"Executed **{event['name']}**", "icon": "Hammer"}
                step["output" if kind == "on_tool_end" else "error"] = _told(data.get("output", data.get("error")))
            elif kind == "on_chat_model_stream":
                if send_token_callback is not None and data["chunk"].text:
                    send_token_callback({"chunk": str(data["chunk"].text), "id": agent_message.id})
                continue
            elif kind == "on_chain_end" and (answer := _answer(data.get("output"))) is not None:
                agent_message.text = answer
            else:
                continue
            agent_message = await send_message_callback(agent_message)
    except Exception as error:
        raise ExceptionWithMessageError(agent_message, str(error)) from error
    agent_message.properties.state = "complete"
    return agent_message


def _step(name: str, given: Any) -> dict[str, Any]:
    return {
        "type": "tool_use",
        "name": name,
        "tool_input": given if isinstance(given, dict) else {"input": given},
        "output": None,
        "error": None,
        "header": {"title": f"Accessing **{name}**", "icon": "Hammer"},
        "duration": 0,
    }


def _told(value: Any) -> str:
    return str(getattr(value, "content", value))


def _answer(output: Any) -> str | None:
    found = getattr(output, "return_values", output)
    if not (isinstance(found, dict) and "output" in found):
        return None
    answer = found["output"]
    if isinstance(answer, list):
        return "".join(str(part.get("text", "")) if isinstance(part, dict) else str(part) for part in answer)
    return str(answer)
