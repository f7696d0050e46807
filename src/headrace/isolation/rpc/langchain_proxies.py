"""Proxies for LangChain tools, chat models and embeddings of the other process, and the operations that serve them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage, messages_from_dict, messages_to_dict
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import BaseTool, StructuredTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, ConfigDict, Field

from headrace.models.langchain_usage import count_langchain_calls

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from headrace.isolation.rpc.remote_ref import RemoteRef

#: Options that LangChain adds for this process's own call. They are not sent.
_LOCAL_OPTIONS = frozenset({"run_manager", "stream", "ls_structured_output_format"})


class RemoteChatModel(BaseChatModel):
    """A chat model of the other process."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    remote_ref: Any = Field(exclude=True, repr=False)
    model_name: str = ""

    @property
    def _llm_type(self) -> str:
        return "remote"

    def bind_tools(self, tools: Sequence[Any], *, tool_choice: Any = None, **kwargs: Any) -> Runnable[Any, Any]:
        """Return the model with tools bound to it. The other process receives their schemas."""
        choice = {} if tool_choice is None else {"tool_choice": tool_choice}
        return self.bind(tools=[convert_to_openai_tool(t) for t in tools], **choice, **kwargs)

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, *_: Any, **kwargs: Any
    ) -> ChatResult:
        result: ChatResult = self.remote_ref.run_from_thread(self._agenerate(messages, stop, **kwargs))
        return result

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, *_: Any, **kwargs: Any
    ) -> ChatResult:
        raw = await self.remote_ref.request("invoke_model", **_model_args(messages, stop, kwargs))
        [message] = messages_from_dict([raw])
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, *_: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        stream = await self.remote_ref.request("stream_model", **_model_args(messages, stop, kwargs))
        while (raw := await self.remote_ref.table.request("get_next_item", {"object": stream})) is not None:
            [message] = messages_from_dict([raw])
            if isinstance(message, AIMessageChunk):
                yield ChatGenerationChunk(message=message)


def _model_args(messages: list[BaseMessage], stop: list[str] | None, options: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of the operations `invoke_model` and `stream_model`."""
    options = {k: v for k, v in options.items() if k not in _LOCAL_OPTIONS}
    return {"messages": messages_to_dict(messages), "stop": stop, "options": options}


class RemoteEmbeddings(Embeddings):
    """Embeddings of the other process."""

    def __init__(self, remote_ref: RemoteRef) -> None:
        self.remote_ref = remote_ref

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text."""
        vectors: list[list[float]] = await self.remote_ref.request("embed", texts=texts, query=False)
        return vectors

    async def aembed_query(self, text: str) -> list[float]:
        """Return the vector of a query."""
        vector: list[float] = await self.remote_ref.request("embed", texts=text, query=True)
        return vector

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text; for synchronous callers in a thread."""
        vectors: list[list[float]] = self.remote_ref.run_from_thread(self.aembed_documents(texts))
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a query; for synchronous callers in a thread."""
        vector: list[float] = self.remote_ref.run_from_thread(self.aembed_query(text))
        return vector


class RemoteTool(StructuredTool):
    """A tool of the other process."""

    remote_ref: Any = Field(exclude=True, repr=False)


def _create_tool(ref: RemoteRef, description: dict[str, Any]) -> BaseTool:
    async def call(**arguments: Any) -> Any:
        return await ref.table.decode_untrusted(await ref.request("call_tool", arguments=arguments))

    def call_from_thread(**arguments: Any) -> Any:
        return ref.run_from_thread(call(**arguments))

    return RemoteTool(
        remote_ref=ref,
        name=description["name"],
        description=description["description"],
        args_schema=description["arguments"],
        return_direct=description["return_direct"],
        func=call_from_thread,
        coroutine=call,
    )


def _create_model(ref: RemoteRef, description: dict[str, Any]) -> BaseChatModel:
    count_langchain_calls()
    return RemoteChatModel(remote_ref=ref, model_name=description["model_name"])


#: Creates the proxy for an object of each kind, from its reference and description.
PROXY_FACTORIES: dict[str, Callable[[RemoteRef, dict[str, Any]], Any]] = {
    "tool": _create_tool,
    "chat_model": _create_model,
    "embeddings": lambda ref, _: RemoteEmbeddings(ref),
}


def describe(value: object) -> tuple[str, dict[str, Any]] | None:
    """Return the kind and the description of a tool, chat model or embeddings, or None for any other object."""
    if isinstance(value, BaseTool):
        return "tool", {
            "name": value.name,
            "description": value.description,
            "arguments": _argument_schema(value),
            "return_direct": value.return_direct,
        }
    if isinstance(value, BaseChatModel):
        return "chat_model", {"model_name": str(getattr(value, "model_name", "") or getattr(value, "model", "") or "")}
    return ("embeddings", {}) if isinstance(value, Embeddings) else None


def _argument_schema(tool: BaseTool) -> dict[str, Any]:
    """Return the JSON Schema of a tool's arguments."""
    schema = tool.tool_call_schema
    if isinstance(schema, dict):
        return schema
    return schema.model_json_schema() if issubclass(schema, BaseModel) else schema.schema()


async def embed(embeddings: Embeddings, args: dict[str, Any]) -> list[float] | list[list[float]]:
    """Serve the operation `embed`: return the vector of a query, or one vector for each text."""
    if args["query"]:
        return [float(number) for number in await embeddings.aembed_query(args["texts"])]
    return [[float(number) for number in vector] for vector in await embeddings.aembed_documents(args["texts"])]


async def invoke_model(model: Any, args: dict[str, Any]) -> dict[str, Any]:
    """Serve the operation `invoke_model`: return a chat model's answer as JSON."""
    messages = messages_from_dict(args["messages"])
    return _message_json(await _with_options(model, args["options"]).ainvoke(messages, stop=args["stop"]))


async def stream_model(model: Any, args: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """Serve the operation `stream_model`: yield the chunks of a chat model's answer as JSON."""
    messages = messages_from_dict(args["messages"])
    async for chunk in _with_options(model, args["options"]).astream(messages, stop=args["stop"]):
        yield _message_json(chunk)


def _with_options(model: Any, options: dict[str, Any]) -> Any:
    """Return a model with the tools and options of a request bound to it."""
    tools = options.pop("tools", None)
    if tools is not None:
        return model.bind_tools(tools, **options)
    return model.bind(**options) if options else model


def _message_json(message: BaseMessage) -> dict[str, Any]:
    return messages_to_dict([message])[0]
