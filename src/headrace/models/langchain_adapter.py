"""Adapt LangChain models, such as those of Anthropic and of custom components, to `ChatModel`."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headrace.limits.byte_budget import current_budget
from headrace.limits.value_size import value_size
from headrace.models.langchain_messages import finish_reason_of, to_langchain_messages
from headrace.models.langchain_options import call_arguments, tool_choice_argument
from headrace.models.langchain_usage import count_langchain_calls
from headrace.models.openai_chat.completion import Completion, CompletionDelta, ToolCall
from headrace.models.openai_chat.errors import InvalidResponseError
from headrace.models.usage import counted_for, current_vertex

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel, LanguageModelInput
    from langchain_core.messages import AIMessage, BaseMessage
    from langchain_core.runnables import Runnable

    from headrace.models.chat_model import ChatMessage, ToolDefinition
    from headrace.models.request_options import ModelOptions


class LangChainChatModel:
    """Adapter from a LangChain chat model to `ChatModel`."""

    def __init__(
        self,
        model: BaseChatModel,
        bound: Runnable[LanguageModelInput, AIMessage] | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        """Wrap a model.

        Args:
            model: the model.
            bound: the model with tools bound to it.
            arguments: the keyword arguments of its calls.

        """
        count_langchain_calls()
        self._model = model
        self._bound = bound or model
        self._arguments = arguments or {}

    async def complete(self, messages: Sequence[ChatMessage], /) -> Completion:
        """Return the answer to a conversation."""
        answer = await self._bound.ainvoke(to_langchain_messages(messages), **self._arguments)
        return to_completion(answer)

    def stream(self, messages: Sequence[ChatMessage], /) -> LangChainStream:
        """Return the answer to a conversation in parts."""
        chunks = self._bound.astream(to_langchain_messages(messages), **self._arguments)
        return LangChainStream(chunks)

    def with_tools(
        self,
        tools: Sequence[ToolDefinition],
        tool_choice: str | None = None,
        parallel_tool_calls: bool | None = None,
    ) -> LangChainChatModel:
        """Return the model with tools that it may call."""
        options: dict[str, Any] = {}
        if tool_choice:
            options["tool_choice"] = tool_choice_argument(self._model, tool_choice)
        if parallel_tool_calls is not None:
            options["parallel_tool_calls"] = parallel_tool_calls
        definitions: list[Any] = [dict(tool) if isinstance(tool, Mapping) else tool for tool in tools]
        bound = self._model.bind_tools(definitions, **options)
        return LangChainChatModel(self._model, bound, self._arguments)

    def with_caller_options(self, options: ModelOptions) -> LangChainChatModel:
        """Return the model with the options of a run's caller, apart from messages and tools.

        Raises:
            UnsupportedOptionError: the model does not support an option.

        """
        arguments = {**self._arguments, **call_arguments(self._model, options)}
        return LangChainChatModel(self._model, self._bound, arguments)


class LangChainStream:
    """Adapter from the chunks of a LangChain model's answer to `ChatStream`."""

    def __init__(self, chunks: AsyncIterator[Any]) -> None:
        """Wrap the chunks of an answer."""
        self._message: Any = None
        # The stream may be read by another vertex.
        self._vertex_id = current_vertex.get()
        self._parts = self._read(chunks)

    def __aiter__(self) -> AsyncIterator[CompletionDelta]:
        return self._parts

    @property
    def completion(self) -> Completion:
        """Return the complete answer.

        Raises:
            InvalidResponseError: the stream had no chunk.

        """
        if self._message is None:
            raise InvalidResponseError("The model ended its answer without any content. Try again.")
        return to_completion(self._message)

    async def aclose(self) -> None:
        """Stop the answer."""
        await self._parts.aclose()

    async def _read(self, chunks: AsyncIterator[Any]) -> AsyncGenerator[CompletionDelta, None]:
        budget = current_budget.get()
        try:
            with budget.grow("The answer of the model") as growth:
                while (chunk := await self._next(chunks)) is not None:
                    growth.add(value_size(chunk, budget.limits.value))
                    self._message = chunk if self._message is None else self._message + chunk
                    if text := text_of(chunk):
                        yield CompletionDelta(text)
        finally:
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()

    async def _next(self, chunks: AsyncIterator[Any]) -> Any:
        with counted_for(self._vertex_id):
            return await anext(chunks, None)


def text_of(message: BaseMessage) -> str:
    """Return the text of a message. In older versions of langchain-core, `text` is a method."""
    text: Any = message.text
    return str(text if isinstance(text, str) else text())


def to_completion(message: AIMessage) -> Completion:
    """Return a model's answer as a completion that refers to the message: later requests need its thinking blocks."""
    calls = [ToolCall(c["id"] or "", c["name"], json.dumps(c["args"], ensure_ascii=False)) for c in message.tool_calls]
    calls += [ToolCall(c["id"] or "", c["name"] or "", c["args"] or "") for c in message.invalid_tool_calls]
    return Completion(
        text=text_of(message), tool_calls=tuple(calls), finish_reason=finish_reason_of(message), original=message
    )
