"""Chat completions in plain data, without LangChain's callbacks."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx2
import orjson

from headrace.limits.byte_budget import current_budget
from headrace.models.openai_chat.caller_options import caller_members
from headrace.models.openai_chat.errors import InvalidRequestError, InvalidResponseError
from headrace.models.openai_chat.reasoning import system_role
from headrace.models.openai_chat.request import message_to_wire
from headrace.models.openai_chat.response import StreamParser, parse_completion
from headrace.models.openai_chat.tools import build_tool_options
from headrace.models.openai_chat.transport import ChatTransport, read_body
from headrace.models.usage import current_vertex, parse_usage, record_usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence

    from langchain_core.messages import BaseMessage
    from langchain_core.tools import BaseTool

    from headrace.models.openai_chat.completion import Completion, CompletionDelta
    from headrace.models.openai_chat.endpoint import ChatOptions, Endpoint
    from headrace.models.request_options import ModelOptions

_EVENT_STREAM = "text/event-stream"
#: The names in the error of a server that does not know the option for the usage of a stream.
_USAGE_OPTIONS = ("stream_options", "include_usage")


class OpenAIChatClient:
    """A client of one model on one endpoint. It is cheap to create, because the connections belong to a shared HTTP client."""

    def __init__(self, http: httpx2.AsyncClient, endpoint: Endpoint, options: ChatOptions) -> None:
        """Create a client.

        Args:
            http: sends the requests. The caller closes it.
            endpoint: the server.
            options: the options of every request.

        """
        self._connect(ChatTransport(http, endpoint), options)

    def _connect(self, transport: ChatTransport, options: ChatOptions) -> None:
        self.options = options
        self._transport = transport
        self._secret = transport.endpoint.api_key
        self._body = options.to_body()

    @property
    def endpoint(self) -> Endpoint:
        """Return the endpoint of the requests."""
        return self._transport.endpoint

    def with_options(self, options: ChatOptions) -> OpenAIChatClient:
        """Return a client with other options and the same connections."""
        client = object.__new__(OpenAIChatClient)
        client._connect(self._transport, options)
        return client

    def with_http(self, http: httpx2.AsyncClient) -> OpenAIChatClient:
        """Return a client with the same options that sends through another HTTP client."""
        client = object.__new__(OpenAIChatClient)
        client._connect(self._transport.with_http(http), self.options)
        return client

    def with_tools(
        self,
        tools: Sequence[Mapping[str, Any] | BaseTool],
        tool_choice: str | None = None,
        parallel_tool_calls: bool | None = None,
    ) -> OpenAIChatClient:
        """Return a client that offers tools; see `build_tool_options` for the arguments."""
        offered = build_tool_options(tools, tool_choice=tool_choice, parallel_tool_calls=parallel_tool_calls)
        return self.with_options(replace(self.options, extra={**self.options.extra, **offered}))

    def with_caller_options(self, options: ModelOptions) -> OpenAIChatClient:
        """Return a client with the options of a run's caller, apart from messages and tools.

        Raises:
            UnsupportedOptionError: the model does not support an option.

        """
        members = caller_members(options, self.options.model)
        return self.with_options(replace(self.options, extra={**self.options.extra, **members})) if members else self

    async def complete(
        self,
        messages: Iterable[BaseMessage | Mapping[str, Any]],
        overrides: Mapping[str, Any] | None = None,
        *,
        records_usage: bool = True,
    ) -> Completion:
        """Return the model's answer.

        Args:
            messages: the conversation, as LangChain messages or in the protocol's form.
            overrides: members of the request body, such as `tools`.
            records_usage: whether to count the tokens. False for callers that count them.

        Raises:
            ChatError: the request failed.

        """
        body = self.build_body(messages, overrides)
        completion = parse_completion(await self._transport.post(_to_json(body)), secret=self._secret)
        if completion.usage and records_usage:
            record_usage(parse_usage(completion.usage))
        return completion

    def stream(
        self,
        messages: Iterable[BaseMessage | Mapping[str, Any]],
        overrides: Mapping[str, Any] | None = None,
        *,
        records_usage: bool = True,
    ) -> ChatStream:
        """Return the model's answer as a stream. The request is sent when the iteration starts.

        Args and errors are those of `complete`; errors are raised by the iteration.
        """
        body = {**self.build_body(messages, overrides), "stream": True}
        fallback = None
        if self.options.stream_usage and "stream_options" not in body and self._transport.reports_usage:
            fallback = body
            body = {**body, "stream_options": {"include_usage": True}}
        return ChatStream(self._transport, body, fallback, records_usage=records_usage)

    def build_body(
        self, messages: Iterable[BaseMessage | Mapping[str, Any]], overrides: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the request body of a conversation."""
        body = self.options.to_body(overrides) if overrides else dict(self._body)
        role = system_role(body["model"])
        body["messages"] = [message_to_wire(message, role) for message in messages]
        return body


class ChatStream:
    """A streamed answer: iterate over its parts once, then read `completion`."""

    def __init__(
        self,
        transport: ChatTransport,
        body: Mapping[str, Any],
        fallback: Mapping[str, Any] | None = None,
        *,
        records_usage: bool = True,
    ) -> None:
        """Create a stream.

        Args:
            transport: sends the request.
            body: the body of the request.
            fallback: the body for a server that does not know the option for usage, which `body` has.
            records_usage: whether to count the tokens.

        """
        self._transport = transport
        self._fallback = fallback
        self._records_usage = records_usage
        self._parts = self._read(body)
        self._completion: Completion | None = None
        # The stream may be read by another vertex.
        self._vertex_id = current_vertex.get()

    @property
    def completion(self) -> Completion:
        """Return the complete answer.

        Raises:
            InvalidResponseError: the iteration has not reached the end.

        """
        if self._completion is None:
            raise InvalidResponseError("The model's answer is not complete yet. Iterate over the stream to its end.")
        return self._completion

    def __aiter__(self) -> AsyncIterator[CompletionDelta]:
        return self._parts

    async def aclose(self) -> None:
        """Stop the answer and release the connection."""
        await self._parts.aclose()

    async def _read(self, body: Mapping[str, Any]) -> AsyncGenerator[CompletionDelta, None]:
        secret = self._transport.endpoint.api_key
        async with self._open(body) as response:
            if not response.headers.get("content-type", "").startswith(_EVENT_STREAM):
                # Some servers ignore `stream` and return a single body.
                completion = self._finish(parse_completion(await read_body(response), secret=secret))
                yield completion.as_delta()
                return
            parser = StreamParser(secret=secret)
            with current_budget.get().grow("The answer of the model") as growth:
                async for event in httpx2.EventSource(response):
                    delta = parser.parse(event.data)
                    if delta is not None:
                        growth.add(delta.size)
                        yield delta
                self._finish(parser.finish())

    @contextlib.asynccontextmanager
    async def _open(self, body: Mapping[str, Any]) -> AsyncIterator[httpx2.Response]:
        """Open the answer, without the usage if the server does not know the option for it."""
        async with contextlib.AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(self._transport.stream(_to_json(body)))
            except InvalidRequestError as error:
                if self._fallback is None or not any(name in error.message for name in _USAGE_OPTIONS):
                    raise
                self._transport.reports_usage = False
                response = await stack.enter_async_context(self._transport.stream(_to_json(self._fallback)))
            yield response

    def _finish(self, completion: Completion) -> Completion:
        self._completion = completion
        if completion.usage and self._records_usage:
            record_usage(parse_usage(completion.usage), self._vertex_id)
        return completion


def _to_json(body: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:
        # Text with a lone surrogate cannot be encoded as UTF-8, but JSON can escape it.
        return json.dumps(body).encode()
