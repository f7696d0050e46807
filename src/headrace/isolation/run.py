"""A run as the server sees it from an isolated component's side: what the component may ask, and what it gives."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from headrace.component.component import ComponentError
from headrace.component.context import FlowCall, HistoryQuery
from headrace.isolation.frames import RemoteError
from headrace.isolation.lending import Ask, Lending
from headrace.isolation.values import from_json
from headrace.models.endpoints import MODEL_ENDPOINTS
from headrace.schema import Message

if TYPE_CHECKING:
    from headrace.component.context import RunContext


#: So many messages are read at once.
MOST_MESSAGES = 10_000


class IsolatedRun:
    """One run's components in one worker."""

    def __init__(self, number: int, context: RunContext, ask: Ask) -> None:
        """Set up.

        Args:
            number: the run's, on the channel to the worker.
            context: the run.
            ask: asks the worker.

        """
        self._number = number
        self._context = context
        self._ask = ask
        self._lending = Lending(self._ask_of_run, lends_anything=False)
        self._instances = itertools.count(1)
        #: What went wrong where nobody waited: the run's watcher is gone, say.
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._told_context = {
            "session_id": context.session_id,
            "flow_id": context.flow_id,
            "user_id": context.user_id,
            "streaming": context.streaming,
            "longest_answer": context.local_model.longest_answer,
            # What a model that is built there has to know; no other variable goes there.
            "environment": {n: v for n in MODEL_ENDPOINTS if (v := context.environment(n))},
        }

    def instance(self) -> int:
        """Return the number of a new component of this run."""
        return next(self._instances)

    async def call(self, args: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        """Have a component make an output's value, and return it with what else it did.

        Args:
            args: which component and output.
            values: the component's fields.

        Raises:
            ComponentError: it failed; in the author's words.

        """
        lending = self._lending
        shared = self._context.shared
        # Written and described without a pause: another call of this run takes its own models along.
        request = {
            "run": self._number,
            "context": self._told_context,
            "values": {name: lending.write(value, describe=True) for name, value in values.items()},
            "shared": {k: lending.write(v) for k, v in shared.items() if _is_plain(v)},
            "models": lending.take_descriptions(),
            **args,
        }
        asked = asyncio.ensure_future(self._ask("call", request))
        try:
            await asyncio.wait({asked, self._failure}, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                self._failure.result()
            answer = asked.result()
        except RemoteError as error:
            raise ComponentError(error.message) from error
        finally:
            asked.cancel()
        shared.update(from_json(answer["shared"], list))
        return {**answer, "value": lending.read(answer["value"]), "logs": from_json(answer["logs"], list)}

    async def _ask_of_run(self, op: str, args: dict[str, Any]) -> Any:
        return await self._ask(op, {"run": self._number, **args})

    async def answer(self, op: str, args: dict[str, Any]) -> Any:
        """Do what a component asks of its run.

        Raises:
            HeadraceError: it cannot be done.

        """
        context, lending = self._context, self._lending
        if op == "store":
            await context.store(_message(lending.read(args["message"])))
            return None
        if op == "history":
            query = HistoryQuery(**args["query"])
            return lending.write(await context.history(replace(query, limit=min(int(query.limit), MOST_MESSAGES))))
        if op == "variable":
            return await context.variable(str(args["name"]), args["default"])
        if op == "read_file":
            return lending.write(await context.read_file(str(args["path"])))
        if op == "save_file":
            return await context.save_file(str(args["name"]), bytes(lending.read(args["content"])))
        if op == "run_python":
            names = lending.read(args["names"])
            source, imports, expression = args["source"], args["imports"], args["expression"]
            outcome = await context.run_python(source, names=names, imports=imports, expression=expression)
            return {"printed": outcome.printed, "value": lending.write(outcome.value)}
        if op == "local_model":
            return await context.local_model.base_url()
        if op == "run_flow":
            given = await context.run_flow(FlowCall(**lending.read(args["call"])))
            return {"outputs": lending.write(given.outputs), "answers": list(given.answers)}
        return await lending.answer(op, args)

    def told(self, op: str, args: dict[str, Any]) -> None:
        """Pass on what a component tells the run's watcher."""
        try:
            if op == "announce":
                self._context.announce(_message(self._lending.read(args["message"])))
            elif op == "token":
                self._context.token(str(args["chunk"]), str(args["message_id"]))
        except Exception as error:
            if not self._failure.done():
                self._failure.set_exception(error)
                # Whoever calls next hears of it; where nobody does, nobody asks.
                self._failure.exception()


def _message(value: object) -> Message:
    if not isinstance(value, Message):
        raise ComponentError(f"A {type(value).__name__} is no message.")
    return value


def _is_plain(value: object) -> bool:
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True
