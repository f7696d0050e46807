"""LangChain's tools, models and embeddings whose work is done on the other side of an isolated run."""

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

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from headrace.isolation.lending import Lent


class RemoteChatModel(BaseChatModel):
    """A chat model on the other side."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    lent: Any = Field(exclude=True, repr=False)
    model_name: str = ""

    @property
    def _llm_type(self) -> str:
        return "remote"

    def bind_tools(self, tools: Sequence[Any], *, tool_choice: Any = None, **kwargs: Any) -> Runnable[Any, Any]:
        """Return the model with tools that it may ask for; they travel as their schemas."""
        chosen = {} if tool_choice is None else {"tool_choice": tool_choice}
        return self.bind(tools=[convert_to_openai_tool(t) for t in tools], **chosen, **kwargs)

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, *_: Any, **kwargs: Any
    ) -> ChatResult:
        return self.lent.ask_from_thread(self._agenerate(messages, stop, **kwargs))  # type: ignore[no-any-return]

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, *_: Any, **kwargs: Any
    ) -> ChatResult:
        raw = await self.lent.ask("chat", messages=messages_to_dict(messages), stop=stop, options=_plain(kwargs))
        [message] = messages_from_dict([raw])
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, *_: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        stream = await self.lent.ask(
            "chat_stream", messages=messages_to_dict(messages), stop=stop, options=_plain(kwargs)
        )
        while (raw := await self.lent.lending.ask("next", {"object": stream})) is not None:
            [message] = messages_from_dict([raw])
            if isinstance(message, AIMessageChunk):
                yield ChatGenerationChunk(message=message)


class RemoteEmbeddings(Embeddings):
    """Embeddings on the other side."""

    def __init__(self, lent: Lent) -> None:
        self.lent = lent

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text."""
        return await self.lent.ask("embed", texts=texts, query=False)  # type: ignore[no-any-return]

    async def aembed_query(self, text: str) -> list[float]:
        """Return the vector of what is looked for."""
        return await self.lent.ask("embed", texts=text, query=True)  # type: ignore[no-any-return]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text, from a plain method."""
        return self.lent.ask_from_thread(self.aembed_documents(texts))  # type: ignore[no-any-return]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of what is looked for, from a plain method."""
        return self.lent.ask_from_thread(self.aembed_query(text))  # type: ignore[no-any-return]


class RemoteTool(StructuredTool):
    """A tool on the other side."""

    lent: Any = Field(exclude=True, repr=False)


def _tool(lent: Lent, told: dict[str, Any]) -> BaseTool:
    async def call(**arguments: Any) -> Any:
        return lent.lending.read(await lent.ask("call_tool", arguments=arguments))

    def call_from_thread(**arguments: Any) -> Any:
        return lent.ask_from_thread(call(**arguments))

    return RemoteTool(
        lent=lent,
        name=told["name"],
        description=told["description"],
        args_schema=told["arguments"],
        return_direct=told["return_direct"],
        func=call_from_thread,
        coroutine=call,
    )


#: What stands for an object of each kind.
MAKERS: dict[str, Callable[[Lent, dict[str, Any]], Any]] = {
    "tool": _tool,
    "chat_model": lambda lent, told: RemoteChatModel(lent=lent, model_name=told["model_name"]),
    "embeddings": lambda lent, _: RemoteEmbeddings(lent),
}


def description_of(value: object) -> tuple[str, dict[str, Any]] | None:
    """Return the kind of a tool, a chat model or embeddings with what the other side has to know; None for others."""
    if isinstance(value, BaseTool):
        return "tool", {
            "name": value.name,
            "description": value.description,
            "arguments": _schema(value),
            "return_direct": value.return_direct,
        }
    if isinstance(value, BaseChatModel):
        return "chat_model", {"model_name": str(getattr(value, "model_name", "") or getattr(value, "model", "") or "")}
    return ("embeddings", {}) if isinstance(value, Embeddings) else None


def _schema(tool: BaseTool) -> dict[str, Any]:
    schema = tool.tool_call_schema
    if isinstance(schema, dict):
        return schema
    return schema.model_json_schema() if issubclass(schema, BaseModel) else schema.schema()


def asked_of(model: Any, args: dict[str, Any]) -> Any:
    """Return a model as it is asked, with the tools and options that came with the request."""
    options = dict(args["options"])
    tools = options.pop("tools", None)
    if tools is not None:
        return model.bind_tools(tools, **options)
    return model.bind(**options) if options else model


def messages_of(raw: list[dict[str, Any]]) -> list[BaseMessage]:
    """Return messages that came as JSON."""
    return messages_from_dict(raw)


def message_json(message: BaseMessage) -> dict[str, Any]:
    """Return a message as JSON."""
    return messages_to_dict([message])[0]


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """Return a request's options without those that belong to this side's run of it."""
    return {k: v for k, v in options.items() if k not in {"run_manager", "stream", "ls_structured_output_format"}}
