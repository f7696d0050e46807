"""Objects that stay in the process that created them while the other process uses them: tools, models, embeddings, streams.

Each side of a run has an `ObjectTable`. Encoding an object registers it under a number and writes a reference. Decoding the
reference on the other side creates a proxy of the same kind, whose methods are requests. A proxy that is sent back to the
owner of the object decodes to the object itself.

References are tags of `encoding`:

    ======================================= =================================================================================
    `["remote", number, kind, description]` An object of the sender. Kinds: `tool`, `chat_model`, `embeddings`, `message` (with
                                            a stream of text), `object` (any other class).
    `["local", number]`                     An object of the receiver.
    `["model", number]`                     A model that the receiver creates from a provider and settings sent beside the value.
    ======================================= =================================================================================
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import re
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from headrace.component.environment_secret import EnvironmentSecret
from headrace.isolation.rpc import decoding, encoding
from headrace.isolation.rpc.remote_ref import OpaqueHandle, RemoteRef, Request, StaleReferenceError
from headrace.models.provider import model_spec
from headrace.schema import Message

#: Length of the class name of a proxy for an object of an unknown class, in characters.
MAX_CLASS_NAME_LENGTH = 60
#: Operations of models. The side that requests them counts the tokens in the answers.
MODEL_OPERATIONS = frozenset({"invoke_model", "stream_model", "get_next_item"})
#: The number of a model, its provider and its settings.
ModelSpec = list[Any]
_NON_IDENTIFIER = re.compile(r"\W+")


class ObjectTable:
    """One side of one run: the objects that this side shares, and proxies for the objects of the other side."""

    def __init__(self, request: Request, *, allow_opaque: bool) -> None:
        """Create a table on the event loop that serves the connection.

        Args:
            request: sends a request to the other side's table of the same run.
            allow_opaque: whether objects of any class may be shared, or only tools, models, embeddings and streams.

        """
        self.request = request
        self.loop = asyncio.get_running_loop()
        self._allow_opaque = allow_opaque
        self._numbers = itertools.count(1)
        self._objects: dict[int, Any] = {}
        #: Models that this side created from a specification, by the number that the other side gave them.
        self.models: dict[int, Any] = {}

    def encode(self, value: object, models: list[ModelSpec] | None = None) -> Any:
        """Return a value as JSON for the other side. Threads may call it.

        Args:
            value: a value of a port.
            models: receives the provider and settings of each model, so that the other side creates it. None to send models
                as references.

        Raises:
            UnsupportedValueError: the value cannot be sent.

        """
        return encoding.encode(value, self._writer(models))

    async def encode_large(self, value: object, models: list[ModelSpec] | None = None) -> Any:
        """Return a value as JSON, as `encode`, without blocking the event loop if it is large."""
        return await encoding.encode_large(value, self._writer(models))

    def decode(self, raw: Any) -> Any:
        """Return the value that the other side encoded.

        Raises:
            StaleReferenceError: it refers to an object of this side that does not exist.

        """
        return decoding.decode(raw, self._resolve)

    async def decode_untrusted(self, raw: Any) -> Any:
        """Return the value that the other side encoded, as `decode`, without blocking the event loop if it is large."""
        return await decoding.decode_untrusted(raw, self.decode)

    def _writer(self, models: list[ModelSpec] | None) -> encoding.Refer:
        return self._refer if models is None else functools.partial(self._refer_by_spec, models)

    def _refer_by_spec(self, models: list[ModelSpec], value: object) -> list[Any] | None:
        spec = model_spec(value)
        if spec is None or isinstance(spec.settings.api_key, EnvironmentSecret):
            # A secret of the environment stays in the server: isolated code uses the model through requests.
            return self._refer(value)
        number = next(self._numbers)
        models.append([number, spec.provider, asdict(spec.settings)])
        return ["model", number]

    def _refer(self, value: object) -> list[Any] | None:
        ref = getattr(value, "remote_ref", None)
        if isinstance(ref, RemoteRef):
            return ["local", ref.number] if ref.table is self else None
        kind, description = self._describe(value)
        if kind == "object" and not self._allow_opaque:
            return None
        return ["remote", self._register(value), kind, description]

    def _describe(self, value: object) -> tuple[str, dict[str, Any]]:
        """Return an object's kind and what the other side needs to create a proxy for it."""
        if isinstance(value, Message):
            return "message", {"message": self.encode(value.model_copy(update={"stream": None}))}
        # Without an import of LangChain: it takes long, and most runs share no object.
        if any(base.__module__.startswith("langchain_core.") for base in type(value).__mro__):
            from headrace.isolation.rpc import langchain_proxies

            description = langchain_proxies.describe(value)
            if description is not None:
                return description
        return "object", {"class": type(value).__name__}

    def _register(self, value: object) -> int:
        number = next(self._numbers)
        self._objects[number] = value
        return number

    def _resolve(self, tag: list[Any]) -> Any:
        """Return the object for a reference."""
        if tag[0] == "local":
            return self._object(tag[1])
        if tag[0] == "model":
            return self.models[tag[1]]
        _, number, kind, description = tag
        ref = RemoteRef(self, int(number))
        if kind == "object":
            name = _NON_IDENTIFIER.sub("_", str(description["class"]))[:MAX_CLASS_NAME_LENGTH]
            return type(name or "object", (OpaqueHandle,), {})(ref)
        if kind == "message":
            message: Message = self.decode(description["message"])
            message.stream = _read_chunks(ref)
            return message
        from headrace.isolation.rpc import langchain_proxies

        return langchain_proxies.PROXY_FACTORIES[kind](ref, description)

    def _object(self, number: int) -> Any:
        try:
            return self._objects[number]
        except KeyError:
            raise StaleReferenceError from None

    async def handle_request(self, op: str, args: dict[str, Any]) -> Any:
        """Perform an operation on an object of this side and return its result as JSON.

        Raises:
            StaleReferenceError: the object does not exist.
            Exception: any exception of the object.

        """
        target = self._object(args["object"])
        if op == "get_next_item":
            return await anext(target, None)
        if op == "get_next_chunk":
            return await anext(target.stream, None)
        if op == "call_tool":
            return await self.encode_large(await target.ainvoke(args["arguments"]))
        from headrace.isolation.rpc import langchain_proxies

        if op == "embed":
            return await langchain_proxies.embed(target, args)
        if op == "invoke_model":
            return await langchain_proxies.invoke_model(target, args)
        if op == "stream_model":
            return self._register(langchain_proxies.stream_model(target, args))
        raise ValueError(f"{op!r} is not an operation of the RPC protocol.")


async def _read_chunks(ref: RemoteRef) -> AsyncIterator[str]:
    """Yield the chunks of a message's stream on the other side."""
    while (chunk := await ref.request("get_next_chunk")) is not None:
        yield str(chunk)
