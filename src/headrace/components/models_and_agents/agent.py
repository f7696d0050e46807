"""Agent: a model that calls tools until it can answer."""

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
from headrace.component.model_use import ModelUse
from headrace.component.tools import build_tools
from headrace.components.utilities.current_date import CurrentDateComponent
from headrace.models.chat_model import as_chat_model, system_message, user_message
from headrace.models.conversation import Conversation, history_entry, question_of
from headrace.models.input_fields import (
    AGENT_INPUTS,
    API_BASE,
    MAX_RETRIES,
    MAX_TOKENS,
    MODEL_KWARGS,
    SEED,
    TEMPERATURE,
    TIMEOUT,
    api_key_of,
    base_url_of,
    settings_from_component,
)
from headrace.models.model_request import model_request_of
from headrace.models.provider import ModelError, provider_named, providers
from headrace.models.structured import SCHEMA_COLUMNS, extract_objects, schema_of
from headrace.models.tool_loop import ToolLoop, flat_tools
from headrace.schema import Data, Message
from headrace.schema.text_size import read_stream

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from headrace.component.editor_context import EditorContext
    from headrace.models.chat_model import ChatMessage, ChatModel
    from headrace.models.conversation import HistoryEntry
    from headrace.models.provider import Provider

#: The output for answers that follow a schema. The editor adds it to a node with a schema; older flows always have it.
STRUCTURED_OUTPUT = Output(
    name="structured_response", display_name="Structured Response", method="structured_response", types=["Data"]
)


class AgentComponent(Component):
    """Run a model that can call tools, and stream its steps and its answer."""

    name = "Agent"
    display_name = "Agent"
    description = "Uses a model that can call tools to answer."
    icon = "bot"
    model_use = ModelUse(outputs=("response",), field="agent_llm")
    inputs = [
        DropdownInput(
            name="agent_llm",
            display_name="Model Provider",
            options=list(providers()),
            value="OpenAI",
            input_types=[],
            real_time_refresh=True,
            refresh_button=False,
            info="Provider of the model. Alternatively, connect a Language Model.",
        ),
        SecretStrInput(
            name="api_key",
            display_name="OpenAI API Key",
            load_from_db=False,
            real_time_refresh=True,
            info="API key of the provider. Empty for the key of the server's operator.",
        ),
        StrInput(
            name="base_url", display_name="Base URL", required=True, show=False, info="Base URL of the provider's API."
        ),
        StrInput(
            name="project_id", display_name="Project ID", required=True, show=False, info="ID of your watsonx project."
        ),
        IntInput(
            name="max_output_tokens",
            display_name="Max Output Tokens",
            show=False,
            info="Maximum number of tokens in the answer. Empty for no limit.",
        ),
        MAX_TOKENS,
        MODEL_KWARGS,
        DropdownInput(
            name="model_name",
            display_name="Model Name",
            options=list(providers()["OpenAI"].models),
            value="gpt-4o-mini",
            combobox=True,
            real_time_refresh=False,
            info="Model to use.",
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
            info="Instructions for the agent.",
        ),
        MessageTextInput(
            name="context_id",
            display_name="Context ID",
            advanced=True,
            info="Separates message histories within a session. Empty for none.",
        ),
        IntInput(
            name="n_messages",
            display_name="Number of Chat History Messages",
            value=100,
            advanced=True,
            info="Maximum number of earlier messages of the session to send to the model. 0 for none.",
        ),
        MultilineInput(
            name="format_instructions",
            display_name="Output Format Instructions",
            value="Extract the values of the schema's fields from the text. Omit values that the text does not contain.",
            advanced=True,
            info="Instructions for the conversion of the answer into the output schema.",
        ),
        TableInput(
            name="output_schema",
            display_name="Output Schema",
            advanced=True,
            is_list=True,
            value=[],
            table_schema=SCHEMA_COLUMNS,
            info="Fields of the structured response.",
        ),
        *AGENT_INPUTS,
        BoolInput(
            name="add_current_date_tool",
            display_name="Current Date",
            value=True,
            advanced=True,
            info="Add a tool that returns the current date and time.",
        ),
    ]
    outputs = [Output(name="response", display_name="Response", method="message_response")]

    @property
    def source_name(self) -> str:
        """Return the model's name, which a message shows as its origin."""
        return str(self.model_name)

    async def message_response(self) -> Message:
        """Return a message that streams the agent's answer, with the agent's steps as content blocks.

        Raises:
            ModelError: the input is empty, or two tools have the same name.

        """
        messages = await self._conversation()
        loop = ToolLoop(
            model=await self._model(),
            tools=self._tools(),
            max_iterations=max(int(self.max_iterations or 0), 1),
            tolerate_invalid_calls=bool(self.handle_parsing_errors),
            vertex_id=self.id,
            request=model_request_of(self.id),
        )
        return loop.as_message(messages)

    async def structured_response(self) -> Data:
        """Return the agent's answer as a record of the output schema, or several records under `results`.

        Raises:
            ModelError: the input or the schema is empty, or the model's answer does not match the schema.

        """
        schema = schema_of(self.output_schema or [], "Answer")
        answer = await self.message_response()
        text = await read_stream(answer.stream) if answer.stream is not None else answer.text
        messages = [system_message(str(self.format_instructions)), user_message(text)]
        records = await extract_objects(await self._model(), messages, schema)
        return Data(data=records[0] if len(records) == 1 else {"results": records})

    @classmethod
    def output(cls, name: str) -> Output | None:
        """Return an output, including the structured response, which the class does not list."""
        return STRUCTURED_OUTPUT if name == STRUCTURED_OUTPUT.name else super().output(name)

    @classmethod
    async def on_field_change(cls, node: dict[str, Any], field: str, editing: EditorContext) -> dict[str, Any]:
        """Return the node with the output for structured responses if it has an output schema."""
        if field != "output_schema" or node.get("tool_mode"):
            return node
        outputs = [output for output in node["outputs"] if output["name"] != STRUCTURED_OUTPUT.name]
        if node["template"][field].get("value"):
            outputs.append({**STRUCTURED_OUTPUT.to_json(), "types": ["Data"]})
        return {**node, "outputs": outputs}

    async def _conversation(self) -> list[ChatMessage]:
        text, files = question_of(self.input_value)
        conversation = Conversation(text, files, str(self.system_prompt or ""), await self._history())
        if conversation.is_empty(self.id):
            raise ModelError("The agent's input is empty. Connect or enter a message.")
        return await conversation.messages(self, self._provider())

    async def _history(self) -> list[HistoryEntry]:
        """Return the session's earlier messages, unless the run's caller sends its own."""
        request = model_request_of(self.id)
        if not self.n_messages or (request is not None and request.options.turns):
            return []
        query = HistoryQuery(
            self.context.session_id, int(self.n_messages) + 1, context_id=str(self.context_id or "") or None
        )
        history = await self.context.get_messages(query)
        question = self.input_value
        if history and isinstance(question, Message) and history[-1].id == question.id:
            history = history[:-1]
        earlier = [history_entry(message) for message in history if message.text or message.files]
        return earlier[-int(self.n_messages) :]

    def _provider(self) -> Provider | None:
        """Return the provider, or None if a model is connected."""
        return provider_named(self.agent_llm) if isinstance(self.agent_llm, str) else None

    async def _model(self) -> ChatModel:
        provider = self._provider()
        if provider is None:
            return as_chat_model(self.agent_llm)
        settings = settings_from_component(
            self, api_key=await api_key_of(provider, self), base_url=base_url_of(provider, self)
        )
        return await provider.connect(settings, self.context)

    def _tools(self) -> list[BaseTool]:
        tools = flat_tools(self.tools)
        if self.add_current_date_tool:
            date_tools = build_tools(CurrentDateComponent(f"{self.id}-date", self.context, {}))
            tools += [tool for tool in date_tools if tool.name not in {t.name for t in tools}]
        return tools
