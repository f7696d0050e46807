"""Base classes for components that build chat models, embeddings and tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.compat.component import Component
from headrace.component import Output
from headrace.component.component_run import run_of
from headrace.models.chat import ask_model
from headrace.models.conversation import conversation_of
from headrace.models.input_fields import INPUT, STREAM, SYSTEM_MESSAGE
from headrace.schema import Data, Message

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel as LanguageModel
    from langchain_core.tools import Tool


class ChatComponent(Component):
    """A chat input or chat output with custom code."""

    def get_properties_from_source_component(self) -> tuple[str | None, str | None, str | None, str | None]:
        """Return the source, icon, display name and id of the connected component, or four times None without one."""
        if not self.sources:
            return None, None, None, None
        source = self.sources[0]
        return source.source_name, source.icon, source.display_name, source.id


class LCModelComponent(Component):
    """Call a chat model that a subclass builds in `build_model`."""

    output_parser: Any = None

    _base_inputs = [
        INPUT,
        SYSTEM_MESSAGE,
        STREAM,
    ]
    inputs = [*_base_inputs]
    outputs = [
        Output(name="text_output", display_name="Model Response", method="text_response"),
        Output(name="model_output", display_name="Language Model", method="build_model"),
    ]

    def build_model(self) -> LanguageModel:
        """Return the model. Subclasses override it."""
        raise NotImplementedError

    async def get_chat_result(
        self, *, runnable: LanguageModel, stream: bool, input_value: str | Message, system_message: str | None = None
    ) -> Message:
        """Call a model and return its answer, with `stream` as a message that is still streaming."""
        conversation = conversation_of(self, input_value, system_message)
        return await ask_model(self, runnable, conversation, stream=stream)

    def supports_tool_calling(self, model: LanguageModel) -> bool:
        """Return whether tools can be bound to a model."""
        from langchain_core.language_models import BaseChatModel

        return type(model).bind_tools is not BaseChatModel.bind_tools

    async def text_response(self) -> Message:
        """Call the model and return its answer."""
        conversation = conversation_of(self, self.input_value, self.system_message)
        stream = bool(self.stream) or run_of(self).context.streaming
        return await ask_model(self, self.build_model(), conversation, stream=stream)


class LCEmbeddingsModel(Component):
    """Provide an embedding model that a subclass builds in `build_embeddings`."""

    outputs = [Output(name="embeddings", display_name="Embedding Model", method="build_embeddings")]

    def build_embeddings(self) -> Embeddings:
        """Return the embedding model. Subclasses override it."""
        raise NotImplementedError


class LCToolComponent(Component):
    """Provide a tool, and the result of running it directly. A subclass implements both."""

    outputs = [
        Output(name="api_run_model", display_name="Data", method="run_model"),
        Output(name="api_build_tool", display_name="Tool", method="build_tool"),
    ]

    def run_model(self) -> Data | list[Data]:
        """Run the tool and return its result. Subclasses override it."""
        raise NotImplementedError

    def build_tool(self) -> Tool:
        """Return the tool. Subclasses override it."""
        raise NotImplementedError
