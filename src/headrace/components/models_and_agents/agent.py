"""Agent: a model that uses tools until it can answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.component import (
    BoolInput,
    Component,
    DropdownInput,
    IntInput,
    MessageTextInput,
    MultilineInput,
    Output,
    SecretStrInput,
    StrInput,
    TableInput,
)
from headrace.component.context import HistoryQuery
from headrace.component.tools import tools_of
from headrace.components.utilities.current_date import CurrentDateComponent
from headrace.models.fields import (
    AGENT_INPUTS,
    API_BASE,
    MAX_RETRIES,
    MAX_TOKENS,
    MODEL_KWARGS,
    SEED,
    TEMPERATURE,
    TIMEOUT,
    settings_of,
)
from headrace.models.provider import ModelError, chat_model, provider_named, providers
from headrace.models.structured import SCHEMA_COLUMNS, fill_in, schema_of
from headrace.models.tool_loop import ToolLoop, flat_tools
from headrace.schema import Data, Message
from headrace.schema.message import SENDER_AI

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage
    from langchain_core.tools import BaseTool

    from headrace.component.editing import Editing

#: Shown where a node has a schema for it; older flows have it always.
STRUCTURED = Output(
    name="structured_response", display_name="Structured Response", method="structured_response", types=["Data"]
)


class AgentComponent(Component):
    """Hands what is said to a model that may call tools, and streams its steps and its words."""

    name = "Agent"
    display_name = "Agent"
    description = "A model that uses tools to answer."
    icon = "bot"
    inputs = [
        DropdownInput(
            name="agent_llm",
            display_name="Model Provider",
            options=list(providers()),
            value="OpenAI",
            input_types=[],
            real_time_refresh=True,
            refresh_button=False,
            info="Whose model; or connect a Language Model.",
        ),
        SecretStrInput(
            name="api_key",
            display_name="OpenAI API Key",
            load_from_db=False,
            real_time_refresh=True,
            info="The provider's key.",
        ),
        StrInput(
            name="base_url", display_name="Base URL", required=True, show=False, info="Where the model is served."
        ),
        StrInput(
            name="project_id", display_name="Project ID", required=True, show=False, info="Your project at watsonx."
        ),
        IntInput(name="max_output_tokens", display_name="Max Output Tokens", show=False, info="A bound on the answer."),
        MAX_TOKENS,
        MODEL_KWARGS,
        DropdownInput(
            name="model_name",
            display_name="Model Name",
            options=list(providers()["OpenAI"].models),
            value="gpt-4o-mini",
            combobox=True,
            real_time_refresh=False,
            info="Which model.",
        ),
        API_BASE,
        TEMPERATURE,
        SEED,
        MAX_RETRIES,
        TIMEOUT,
        MultilineInput(
            name="system_prompt",
            display_name="Agent Instructions",
            value="You are a helpful assistant that can use tools to answer questions and perform tasks.",
            info="How the agent should behave.",
        ),
        MessageTextInput(
            name="context_id", display_name="Context ID", advanced=True, info="Sets memories apart within a session."
        ),
        IntInput(
            name="n_messages",
            display_name="Number of Chat History Messages",
            value=100,
            advanced=True,
            info="So many messages of the session are remembered.",
        ),
        MultilineInput(
            name="format_instructions",
            display_name="Output Format Instructions",
            value="Write down what the text says of each field of the schema. Leave out what it does not say.",
            advanced=True,
            info="How a structured answer is written.",
        ),
        TableInput(
            name="output_schema",
            display_name="Output Schema",
            advanced=True,
            is_list=True,
            value=[],
            table_schema=SCHEMA_COLUMNS,
            info="The fields of a structured answer.",
        ),
        *AGENT_INPUTS,
        BoolInput(
            name="add_current_date_tool",
            display_name="Current Date",
            value=True,
            advanced=True,
            info="Add a tool that tells the date.",
        ),
    ]
    outputs = [Output(name="response", display_name="Response", method="message_response")]

    @property
    def source_name(self) -> str:
        """Return the model's name: a message shows it as its origin."""
        return str(self.model_name)

    async def message_response(self) -> Message:
        """Return a message that speaks, with the agent's steps as its content blocks.

        Raises:
            ModelError: nothing was said to the agent, or two of its tools have one name.

        """
        messages = await self._conversation()
        loop = ToolLoop(
            model=await self._model(),
            tools=self._tools(),
            most=max(int(self.max_iterations or 0), 1),
            streaming=self.context.streaming,
            mends=bool(self.handle_parsing_errors),
        )
        return loop.speak(messages)

    async def structured_response(self) -> Data:
        """Return the agent's answer as a record of the output schema; several under `results`.

        Raises:
            ModelError: nothing was said to the agent, the schema is empty, or the model does not keep to it.

        """
        from langchain_core.messages import HumanMessage, SystemMessage

        schema = schema_of(self.output_schema or [], "Answer")
        answer = await self.message_response()
        said = "".join([chunk async for chunk in answer.stream]) if answer.stream is not None else answer.text
        reading = [SystemMessage(str(self.format_instructions)), HumanMessage(said)]
        found = await fill_in(await self._model(), reading, schema)
        return Data(data=found[0] if len(found) == 1 else {"results": found})

    @classmethod
    def output(cls, name: str) -> Output | None:
        """Return an output; the structured one is there where its node has it."""
        return STRUCTURED if name == STRUCTURED.name else super().output(name)

    @classmethod
    async def edited(cls, node: dict[str, Any], field: str, editing: Editing) -> dict[str, Any]:
        """Return the node with an output for structured answers where it has a schema for them."""
        if field != "output_schema" or node.get("tool_mode"):
            return node
        outputs = [o for o in node["outputs"] if o["name"] != STRUCTURED.name]
        if node["template"][field].get("value"):
            outputs.append({**STRUCTURED.to_json(), "types": ["Data"]})
        return {**node, "outputs": outputs}

    async def _conversation(self) -> list[BaseMessage]:
        from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

        said = self.input_value
        text = said.text if isinstance(said, Message) else str(said or "")
        if not text:
            raise ModelError("Nothing was said to the agent.")
        query = HistoryQuery(
            self.context.session_id, int(self.n_messages or 0) + 1, context_id=str(self.context_id or "") or None
        )
        before = await self.context.history(query) if self.n_messages else []
        if before and isinstance(said, Message) and before[-1].id == said.id:
            before = before[:-1]
        remembered = [AIMessage(m.text) if m.sender == SENDER_AI else HumanMessage(m.text) for m in before if m.text]
        system = [SystemMessage(str(self.system_prompt))] if self.system_prompt else []
        return [*system, *remembered[-int(self.n_messages or 1) :], HumanMessage(text)]

    async def _model(self) -> BaseChatModel:
        if not isinstance(self.agent_llm, str):
            return self.agent_llm  # type: ignore[no-any-return]
        provider = provider_named(self.agent_llm)
        key = self.api_key or (self.context.environment(provider.key_variable) if provider.key_variable else "")
        base_url = str((self.openai_api_base if self.agent_llm == "OpenAI" else self.base_url) or "")
        settings = settings_of(self, api_key=key or "", base_url=base_url)
        return await chat_model(provider, settings, self.context)

    def _tools(self) -> list[BaseTool]:
        tools = flat_tools(self.tools)
        if self.add_current_date_tool:
            dates = tools_of(CurrentDateComponent(f"{self.id}-date", self.context, {}))
            tools += [tool for tool in dates if tool.name not in {t.name for t in tools}]
        return tools
