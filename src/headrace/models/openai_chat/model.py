"""The client as a LangChain chat model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field, PrivateAttr

from headrace.models.langchain_usage import count_langchain_calls
from headrace.models.openai_chat.blocking import BlockingCaller
from headrace.models.openai_chat.client import OpenAIChatClient
from headrace.models.openai_chat.langchain_answers import to_chunk, to_last_chunk, to_message
from headrace.models.openai_chat.tools import build_tool_options

if TYPE_CHECKING:
    import builtins
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    import httpx2
    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.language_models.base import LangSmithParams
    from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool
    from pydantic import BaseModel

    from headrace.models.openai_chat.endpoint import ChatOptions, Endpoint

Method = Literal["function_calling", "json_schema", "json_mode"]


class OpenAIChatModel(BaseChatModel):
    """A chat model on any server that implements OpenAI's chat completions protocol.

    `complete` and `stream_chunks` do the same as `ainvoke` and `astream` without LangChain's callbacks.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    client: OpenAIChatClient = Field(exclude=True, repr=False)
    http_factory: Any = Field(default=None, exclude=True, repr=False)
    _blocking: BlockingCaller = PrivateAttr()

    @classmethod
    def create(
        cls,
        http: httpx2.AsyncClient,
        endpoint: Endpoint,
        options: ChatOptions,
        *,
        http_factory: Callable[[], httpx2.AsyncClient] | None = None,
    ) -> OpenAIChatModel:
        """Return a model.

        Args:
            http: sends the requests; shared with other models, and closed by its owner.
            endpoint: the server.
            options: the options of every request.
            http_factory: returns an HTTP client for blocking calls on the event loop, which cannot use `http`.

        """
        return cls(client=OpenAIChatClient(http, endpoint, options), http_factory=http_factory)

    def model_post_init(self, context: Any, /) -> None:
        """Store the event loop of the HTTP client."""
        super().model_post_init(context)
        # For the calls with callbacks, which leave the counting to them.
        count_langchain_calls()
        self._blocking = BlockingCaller(self.client, self.http_factory)

    @property
    def model_name(self) -> str:
        """Return the model's name on its server."""
        return self.client.options.model

    @property
    def temperature(self) -> float | None:
        """Return the temperature, or None for the server's default."""
        return self.client.options.temperature

    @property
    def max_tokens(self) -> int | None:
        """Return the maximum number of tokens in an answer, or None."""
        return self.client.options.max_tokens

    @property
    def _llm_type(self) -> str:
        return "openai-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return self.client.options.to_body()

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        options = self.client.options
        params: LangSmithParams = {
            "ls_provider": "openai",
            "ls_model_name": kwargs.get("model", options.model),
            "ls_model_type": "chat",
        }
        if options.temperature is not None:
            params["ls_temperature"] = options.temperature
        if options.max_tokens is not None:
            params["ls_max_tokens"] = options.max_tokens
        if stop:
            params["ls_stop"] = stop
        return params

    def get_num_tokens(self, text: str) -> int:
        """Return the approximate number of tokens in a text; servers do not publish their tokenizers."""
        return self.get_num_tokens_from_messages([HumanMessage(text)])

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """Return the approximate number of tokens in messages, without those of `tools`."""
        return count_tokens_approximately(messages)

    async def complete(self, messages: Sequence[BaseMessage], **overrides: Any) -> AIMessage:
        """Return the answer without running callbacks; `overrides` are members of the request body."""
        return to_message(await self.client.complete(messages, overrides))

    async def stream_chunks(self, messages: Sequence[BaseMessage], **overrides: Any) -> AsyncIterator[AIMessageChunk]:
        """Yield the answer without running callbacks; `overrides` are members of the request body."""
        async for chunk in _chunks(self.client, messages, overrides, records_usage=True):
            yield chunk

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        overrides = _overrides(stop, kwargs)
        return _result(to_message(await self.client.complete(messages, overrides, records_usage=False)))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in _chunks(self.client, messages, _overrides(stop, kwargs)):
            yield ChatGenerationChunk(message=chunk)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        overrides = _overrides(stop, kwargs)
        return _result(
            to_message(self._blocking.run(lambda client: client.complete(messages, overrides, records_usage=False)))
        )

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        overrides = _overrides(stop, kwargs)
        for chunk in self._blocking.iterate(lambda client: _chunks(client, messages, overrides)):
            generation = ChatGenerationChunk(message=chunk)
            if run_manager:
                run_manager.on_llm_new_token(generation.text, chunk=generation)
            yield generation

    def bind_tools(
        self,
        tools: Sequence[builtins.dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | Mapping[str, Any] | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return the model with tools; see `build_tool_options` for the arguments."""
        options = build_tool_options(
            tools, tool_choice=tool_choice, strict=strict, parallel_tool_calls=parallel_tool_calls
        )
        return self.bind(**options, **kwargs)

    def with_structured_output(
        self,
        schema: builtins.dict[str, Any] | type | None = None,
        *,
        method: Method | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, builtins.dict[str, Any] | BaseModel]:
        """Return a runnable whose answer has a schema; see `structured_output.bind_schema`."""
        from headrace.models.openai_chat.structured_output import bind_schema

        return bind_schema(self, schema, method=method, include_raw=include_raw, strict=strict, **kwargs)


async def _chunks(
    client: OpenAIChatClient,
    messages: Sequence[BaseMessage],
    overrides: Mapping[str, Any],
    *,
    records_usage: bool = False,
) -> AsyncIterator[AIMessageChunk]:
    stream = client.stream(messages, overrides, records_usage=records_usage)
    try:
        async for delta in stream:
            yield to_chunk(delta)
    finally:
        await stream.aclose()
    yield to_last_chunk(stream.completion)


def _overrides(stop: list[str] | None, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the members of the request body in a call's keyword arguments."""
    kwargs.pop("stream", None)
    if stop is not None:
        kwargs["stop"] = stop
    return kwargs


def _result(message: AIMessage) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=message)])
