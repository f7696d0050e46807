"""The server's part of a run in a worker: calls of components there, and requests of components for their run's context."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import orjson

from headrace.component.component import ComponentError
from headrace.component.context import FlowCall, HistoryQuery
from headrace.component.environment_secret import value_for_code
from headrace.isolation.rpc.connection import RemoteError
from headrace.isolation.rpc.decoding import decode, decode_untrusted
from headrace.isolation.rpc.frames import MAX_NOTIFICATION_VALUES, has_few_values
from headrace.isolation.rpc.object_table import MODEL_OPERATIONS, ModelSpec, ObjectTable
from headrace.limits.large_values import is_large
from headrace.models.provider import base_url_variables
from headrace.models.usage import current_usage, current_vertex
from headrace.net.urls import remove_url_secrets
from headrace.schema import Message
from headrace.schema.token_usage import TokenUsage

if TYPE_CHECKING:
    from headrace.component.context import RunContext
    from headrace.isolation.rpc.remote_ref import Request


#: Messages in the response to one `get_messages` request.
MAX_MESSAGES = 10_000
#: Tokens that a call can use.
MAX_TOKENS = 10_000_000_000


class HostRun:
    """One run's components in one worker."""

    def __init__(self, number: int, context: RunContext, request: Request) -> None:
        """Create the server's part of a run.

        Args:
            number: identifies the run on the connection to the worker.
            context: the run's context, whose methods the worker's requests call.
            request: sends a request to the worker.

        """
        self._number = number
        self._context = context
        self._request = request
        self._objects = ObjectTable(self._request_in_run, allow_opaque=False)
        self._usage = current_usage.get()
        #: The ids of the vertices that have called the worker.
        self._vertices: set[str] = set()
        self._instance_numbers = itertools.count(1)
        #: The first exception of a notification, which has no response to report it. The next call raises it.
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._context_fields = {
            "session_id": context.session_id,
            "flow_id": context.flow_id,
            "user_id": context.user_id,
            "streaming": context.streaming,
            "max_tokens": context.local_model.max_tokens,
            # The worker creates models from their settings and needs these addresses. It gets no other variable.
            "environment": {n: remove_url_secrets(v) for n in base_url_variables() if (v := context.get_env(n))},
        }

    def next_instance(self) -> int:
        """Return the number of a new component of this run."""
        return next(self._instance_numbers)

    async def run_output(self, args: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        """Compute an output of a component in the worker.

        Args:
            args: the component and the output; see `proxy_component`.
            values: the values of the component's fields, for the first call of the component.

        Returns:
            The output's `value`, the names of `stopped` outputs and the component's `logs`.

        Raises:
            ComponentError: the component failed; with the text of its exception.

        """
        self._vertices.add(args["vertex"])
        objects = self._objects
        shared = self._context.shared_state
        models: list[ModelSpec] = []
        request = {
            "run": self._number,
            "context": self._context_fields,
            "values": {name: await objects.encode_large(value, models) for name, value in values.items()},
            "shared": {k: await objects.encode_large(v) for k, v in list(shared.items()) if await _is_json(v)},
            "models": models,
            **args,
        }
        call = asyncio.ensure_future(self._request("run_output", request))
        try:
            await asyncio.wait({call, self._failure}, return_when=asyncio.FIRST_COMPLETED)
            if not call.done():
                self._failure.result()
            response = call.result()
        except RemoteError as error:
            raise ComponentError(error.message) from error
        finally:
            call.cancel()
        shared.update(await decode_untrusted(response["shared"], _decode_plain))
        value = await objects.decode_untrusted(response["value"])
        return {**response, "value": value, "logs": await decode_untrusted(response["logs"], _decode_plain)}

    async def _request_in_run(self, op: str, args: dict[str, Any]) -> Any:
        vertex_id = current_vertex.get()
        self._vertices.add(vertex_id)
        return await self._request(op, {"run": self._number, "vertex": vertex_id, **args})

    async def handle_request(self, op: str, args: dict[str, Any]) -> Any:
        """Perform an operation that a component in the worker requests.

        Raises:
            HeadraceError: the operation fails.

        """
        context, objects = self._context, self._objects
        # The task has the context of the run that started the worker.
        vertex_id = str(args.get("vertex"))
        is_counted = op not in MODEL_OPERATIONS and vertex_id in self._vertices
        current_usage.set(self._usage if is_counted else None)
        current_vertex.set(vertex_id)
        if op == "save_message":
            await context.save_message(_require_message(await objects.decode_untrusted(args["message"])))
            return None
        if op == "get_messages":
            query = HistoryQuery(**args["query"])
            query = replace(query, limit=min(int(query.limit), MAX_MESSAGES))
            return await objects.encode_large(await context.get_messages(query))
        if op == "get_variable":
            return value_for_code(await context.get_secret(str(args["name"]), args["default"]), None)
        if op == "read_file":
            return await objects.encode_large(await context.read_file(str(args["path"])))
        if op == "save_file":
            return await context.save_file(str(args["name"]), bytes(await objects.decode_untrusted(args["content"])))
        if op == "run_python":
            names = await objects.decode_untrusted(args["names"])
            source, imports, expression = args["source"], args["imports"], args["expression"]
            result = await context.run_python(source, names=names, imports=imports, expression=expression)
            return {"stdout": result.stdout, "value": await objects.encode_large(result.value)}
        if op == "get_local_model_url":
            return await context.local_model.base_url()
        if op == "run_flow":
            flow_result = await context.run_flow(FlowCall(**await objects.decode_untrusted(args["call"])))
            return {
                "outputs": await objects.encode_large(flow_result.outputs),
                "output_vertices": list(flow_result.output_vertices),
            }
        return await objects.handle_request(op, args)

    def on_notification(self, op: str, args: dict[str, Any]) -> None:
        """Send a message or a token from a component to the watcher of the run."""
        try:
            if op == "emit_message":
                self._context.emit_message(_require_message(self._objects.decode(_require_few_values(args["message"]))))
            elif op == "emit_token":
                self._context.emit_token(str(args["chunk"]), str(args["message_id"]))
            elif op == "report_usage":
                self._record_usage(args["vertex"], args["usage"])
        except Exception as error:
            if not self._failure.done():
                self._failure.set_exception(error)
                # Mark the exception as retrieved: if the run makes no further call, asyncio must not log it.
                self._failure.exception()

    def _record_usage(self, vertex_id: object, counts: object) -> None:
        """Count the tokens that a model used in the worker for a vertex that has called it."""
        if self._usage is None or vertex_id not in self._vertices or not isinstance(counts, dict):
            return
        numbers = [
            n for field in fields(TokenUsage) if type(n := counts.get(field.name)) is int and 0 <= n < MAX_TOKENS
        ]
        if len(numbers) == len(fields(TokenUsage)):
            self._usage.add(str(vertex_id), TokenUsage(*numbers))


def _require_few_values(raw: Any) -> Any:
    if not has_few_values(raw):
        raise ComponentError(
            f"A message that is sent while the component runs has more than {MAX_NOTIFICATION_VALUES} parts. Return large results "
            "as Data or DataFrame."
        )
    return raw


def _require_message(value: object) -> Message:
    if not isinstance(value, Message):
        raise ComponentError(f"A value of class {type(value).__name__} is not a Message. Pass a Message.")
    return value


def _decode_plain(raw: Any) -> Any:
    """Return a value without references."""
    return decode(raw, list)


async def _is_json(value: object) -> bool:
    try:
        if is_large(value):
            await asyncio.to_thread(orjson.dumps, value)
        else:
            orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True
