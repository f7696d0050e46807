"""The server's interface of chat models. It uses plain data, so that a run does not import LangChain.

The client of OpenAI's protocol implements the interface; `langchain_adapter` adapts LangChain models to it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage
    from langchain_core.tools import BaseTool

    from headrace.models.openai_chat.completion import Completion, CompletionDelta
    from headrace.models.request_options import ModelOptions

    #: A message in the format of OpenAI's protocol, or a LangChain message.
    ChatMessage = Mapping[str, Any] | BaseMessage
    #: A tool in the format of OpenAI's protocol, or a LangChain tool.
    ToolDefinition = Mapping[str, Any] | BaseTool

#: The module of headrace's own LangChain model, whose client is used directly. A subclass may override methods and a binding
#: adds options, so both are called through LangChain.
OPENAI_MODEL_MODULE = "headrace.models.openai_chat.model"


class ChatStream(Protocol):
    """An answer in parts: iterate over it once, then read `completion`."""

    def __aiter__(self) -> AsyncIterator[CompletionDelta]:
        """Iterate over the parts of the answer."""
        ...

    @property
    def completion(self) -> Completion:
        """Return the complete answer, once the iteration has ended."""
        ...

    async def aclose(self) -> None:
        """Stop the answer."""
        ...


class ChatModel(Protocol):
    """A chat model with its options."""

    async def complete(self, messages: Sequence[ChatMessage], /) -> Completion:
        """Return the answer to a conversation.

        Raises:
            Exception: the error of the provider's client.

        """
        ...

    def stream(self, messages: Sequence[ChatMessage], /) -> ChatStream:
        """Return the answer to a conversation in parts; errors are raised by the iteration."""
        ...

    def with_tools(
        self,
        tools: Sequence[ToolDefinition],
        tool_choice: str | None = None,
        parallel_tool_calls: bool | None = None,
    ) -> ChatModel:
        """Return the model with tools that it may call.

        Args:
            tools: the tools.
            tool_choice: the name of the tool that the model must call, `required` for any of them, or `none`; None leaves the
                choice to the model.
            parallel_tool_calls: whether an answer may have several calls; None for the provider's default.

        Raises:
            NotImplementedError: the model cannot call tools.

        """
        ...

    def with_caller_options(self, options: ModelOptions) -> ChatModel:
        """Return the model with the options of a run's caller, apart from messages and tools.

        Raises:
            UnsupportedOptionError: the model does not support an option.

        """
        ...


def as_chat_model(model: ChatModel | BaseChatModel) -> ChatModel:
    """Return a model as a `ChatModel`, adapting it if it is a LangChain model."""
    if not hasattr(model, "bind_tools"):
        return model
    langchain: Any = model
    if type(model).__module__ == OPENAI_MODEL_MODULE and not langchain.callbacks:
        return cast("ChatModel", langchain.client)
    from headrace.models.langchain_adapter import LangChainChatModel

    return LangChainChatModel(langchain)


def system_message(text: str) -> dict[str, Any]:
    """Return a message with instructions."""
    return {"role": "system", "content": text}


def user_message(text: str) -> dict[str, Any]:
    """Return a message of the user."""
    return {"role": "user", "content": text}


def assistant_message(text: str) -> dict[str, Any]:
    """Return an earlier answer of the model."""
    return {"role": "assistant", "content": text}


def tool_message(text: str, call_id: str) -> dict[str, Any]:
    """Return the result of a tool call."""
    return {"role": "tool", "content": text, "tool_call_id": call_id}


def answer_message(completion: Completion) -> ChatMessage:
    """Return an answer as a message of the conversation, with its tool calls."""
    if completion.original is not None:
        return completion.original  # type: ignore[no-any-return]
    message: dict[str, Any] = assistant_message(completion.text)
    if completion.tool_calls:
        message["content"] = completion.text or None
        message["tool_calls"] = [call.to_wire() for call in completion.tool_calls]
    return message
