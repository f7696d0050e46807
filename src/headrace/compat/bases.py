"""Base classes for models, embeddings and tools, under the names that components inherit from."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from headrace.compat.component import Component
from headrace.component import Output
from headrace.models.fields import INPUT, STREAM, SYSTEM_MESSAGE
from headrace.models.respond import respond
from headrace.schema import Data, Message

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel as LanguageModel
    from langchain_core.tools import Tool


class EditMode(StrEnum):
    """How a table's cell is changed."""

    MODAL = "modal"
    POPOVER = "popover"
    INLINE = "inline"


class ChatComponent(Component):
    """Where a chat's message comes in or goes out, by its author's own code."""

    def get_properties_from_source_component(self) -> tuple[str | None, str | None, str | None, str | None]:
        """Return of the component that is connected: the model or thing that speaks, its icon, its name, its id."""
        if not self.sources:
            return None, None, None, None
        source = self.sources[0]
        return source.source_name, source.icon, source.display_name, source.id


class LCModelComponent(Component):
    """A chat model: a subclass makes it in `build_model`, and this asks it."""

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
        """Return the model; a subclass overrides it."""
        raise NotImplementedError

    async def get_chat_result(
        self, *, runnable: LanguageModel, stream: bool, input_value: str | Message, system_message: str | None = None
    ) -> Message:
        """Return a model's answer; with `stream`, a message that still speaks."""
        return await respond(runnable, input_value, str(system_message or ""), stream=stream)

    def supports_tool_calling(self, model: LanguageModel) -> bool:
        """Return whether a model can be given tools."""
        from langchain_core.language_models import BaseChatModel

        return type(model).bind_tools is not BaseChatModel.bind_tools

    async def text_response(self) -> Message:
        """Return the model's answer."""
        return await respond(
            self.build_model(), self.input_value, str(self.system_message or ""), stream=bool(self.stream)
        )


class LCEmbeddingsModel(Component):
    """Embeddings: a subclass makes them in `build_embeddings`."""

    outputs = [Output(name="embeddings", display_name="Embedding Model", method="build_embeddings")]

    def build_embeddings(self) -> Embeddings:
        """Return the embeddings; a subclass overrides it."""
        raise NotImplementedError


class LCToolComponent(Component):
    """A tool and what it gives when it is run alone: a subclass makes both."""

    outputs = [
        Output(name="api_run_model", display_name="Data", method="run_model"),
        Output(name="api_build_tool", display_name="Tool", method="build_tool"),
    ]

    def run_model(self) -> Data | list[Data]:
        """Return what the tool gives; a subclass overrides it."""
        raise NotImplementedError

    def build_tool(self) -> Tool:
        """Return the tool; a subclass overrides it."""
        raise NotImplementedError
