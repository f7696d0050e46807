"""Objects that stay where they were made, while the other side works with them: tools, models, embeddings, streams.

Each side of a run has one of these. What one lends the other sees as an object of the same kind whose work is done over
there; when it comes back, it is the object itself again.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import asdict
from typing import Any

from headrace.errors import HeadraceError
from headrace.isolation.values import from_json, to_json
from headrace.models.provider import ModelSettings, made_of
from headrace.schema import Message

Ask = Callable[[str, dict[str, Any]], Awaitable[Any]]

_NO_NAME = re.compile(r"\W+")


class GoneError(HeadraceError):
    """An object is spoken of that is not there any more."""

    def __init__(self) -> None:
        super().__init__("The object belongs to a run that has ended, or to a process of components that has.")


class Lent:
    """An object on the other side, by its number."""

    def __init__(self, lending: Lending, number: int) -> None:
        self.lending = lending
        self.number = number

    async def ask(self, op: str, **args: Any) -> Any:
        """Have the other side do something with it."""
        return await self.lending.ask(op, {"object": self.number, **args})

    def ask_from_thread(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do `work` on the loop from a thread of a plain method, and return what it gives.

        Raises:
            HeadraceError: this is the loop's own thread, which would wait for itself.

        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run_coroutine_threadsafe(work, self.lending.loop).result()
        work.close()
        raise HeadraceError("Await it here: an async method of a component uses ainvoke, aembed_query and the like.")


class HeldObject:
    """An object of a class that only its own side knows. It can be handed back there, and nothing else."""

    def __init__(self, lent: Lent) -> None:
        self.lent = lent


class Lending:
    """One side of one run."""

    def __init__(self, ask: Ask, *, lends_anything: bool) -> None:
        """Set up, on the loop on which the other side is asked.

        Args:
            ask: asks the other side's lending of this run.
            lends_anything: whether objects of any class may be spoken of, not only tools, models and embeddings.

        """
        self.ask = ask
        self.loop = asyncio.get_running_loop()
        self._lends_anything = lends_anything
        self._numbers = itertools.count(1)
        self._objects: dict[int, Any] = {}
        #: Models that this side has built from what they are made of, by the other side's numbers.
        self.built: dict[int, Any] = {}
        self._to_build: list[list[Any]] = []

    def write(self, value: object, *, describe: bool = False) -> Any:
        """Return a value as JSON for the other side.

        Args:
            value: what goes there.
            describe: whether models are described, to be built anew there; `take_descriptions` has what of. Else they are lent.

        Raises:
            NoValueError: it cannot go there.

        """
        return to_json(value, self._describe if describe else self._refer)

    def read(self, raw: Any) -> Any:
        """Return the value that the other side wrote.

        Raises:
            GoneError: it speaks of an object that is not there.

        """
        return from_json(raw, self._resolve)

    def take_descriptions(self) -> list[list[Any]]:
        """Return the models that the other side has to build, since this was asked last: number, provider, settings."""
        told, self._to_build = self._to_build, []
        return told

    def _describe(self, value: object) -> list[Any] | None:
        made = made_of(value)
        if made is None:
            return self._refer(value)
        number = next(self._numbers)
        self._to_build.append([number, made.provider, asdict(made.settings)])
        return ["model", number]

    def _refer(self, value: object) -> list[Any] | None:
        lent = getattr(value, "lent", None)
        if isinstance(lent, Lent):
            return ["yours", lent.number] if lent.lending is self else None
        kind, told = _kind_of(value, self)
        if kind == "object" and not self._lends_anything:
            return None
        number = next(self._numbers)
        self._objects[number] = value
        return ["lent", number, kind, told]

    def _resolve(self, tag: list[Any]) -> Any:
        if tag[0] == "yours":
            return self._object(tag[1])
        if tag[0] == "model":
            return self.built[tag[1]]
        _, number, kind, told = tag
        lent = Lent(self, int(number))
        if kind == "object":
            name = _NO_NAME.sub("_", str(told["class"]))[:60]
            return type(name or "object", (HeldObject,), {})(lent)
        if kind == "message":
            message: Message = self.read(told["message"])
            message.stream = _chunks(lent)
            return message
        from headrace.isolation import remotes

        return remotes.MAKERS[kind](lent, told)

    def _object(self, number: int) -> Any:
        try:
            return self._objects[number]
        except KeyError:
            raise GoneError from None

    async def answer(self, op: str, args: dict[str, Any]) -> Any:
        """Do what the other side asks of an object that was lent to it.

        Raises:
            GoneError: it was not.
            Exception: whatever the object raises.

        """
        found = self._object(args["object"])
        if op == "next":
            return await anext(found, None)
        if op == "said":
            return await anext(found.stream, None)
        if op == "call_tool":
            return self.write(await found.ainvoke(args["arguments"]))
        if op == "embed":
            vectors = await (found.aembed_query if args["query"] else found.aembed_documents)(args["texts"])
            return [float(v) if args["query"] else [float(part) for part in v] for v in vectors]
        from headrace.isolation import remotes

        asked = remotes.asked_of(found, args)
        messages = remotes.messages_of(args["messages"])
        if op == "chat":
            return remotes.message_json(await asked.ainvoke(messages, stop=args["stop"]))
        number = next(self._numbers)
        self._objects[number] = (remotes.message_json(m) async for m in asked.astream(messages, stop=args["stop"]))
        return number


def _kind_of(value: object, lending: Lending) -> tuple[str, dict[str, Any]]:
    """Return as what an object is lent, and what the other side has to know of it."""
    if isinstance(value, Message):
        return "message", {"message": lending.write(value.model_copy(update={"stream": None}))}
    if any(base.__module__.startswith("langchain_core.") for base in type(value).__mro__):
        from headrace.isolation import remotes

        known = remotes.description_of(value)
        if known is not None:
            return known
    return "object", {"class": type(value).__name__}


async def _chunks(lent: Lent) -> AsyncIterator[str]:
    while (chunk := await lent.ask("said")) is not None:
        yield str(chunk)


def settings_from(raw: dict[str, Any]) -> ModelSettings:
    """Return a model's settings as they were described."""
    return ModelSettings(**raw)
