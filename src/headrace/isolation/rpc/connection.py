"""The RPC protocol between the server and a worker process, on one stream socket.

Frames
    A frame is a JSON object, sent in parts as described in `frames`.

    ======================================= ===============================================================
    `{"id": 7, "op": "…", "args": {…}}`     Request. `id` is unique among the sender's requests.
    `{"id": 7, "ok": …}`                    Response to the receiver's request 7.
    `{"id": 7, "error": {"message", "kind"}}` Error response: a text for people, the exception's class name and, for component code,
                                              `traceback`: its lines, and `frames`: their numbers, functions and texts.
    `{"op": "…", "args": {…}}`              Notification. It has no response.
    ======================================= ===============================================================

    Both sides send requests and notifications at any time. Responses may arrive in any order. Values inside `args` and `ok`
    that JSON cannot express are tagged as described in `encoding`. A frame is data; no part of it is executed or unpickled.

Requests of the server
    ================ ===================================================================================================
    `get_status`     CPU time and busy threads of the worker, and which kernel features confine it.
    `load_class`     Load component source `code`; responds with the description that `class_description` defines.
    `run_output`     Compute one output of a component in a run, creating the component on first use.
    `run_python`     Run a Python text that is not a component.
    `update_node`    Let a component class change its node after an edit of one field.
    ================ ===================================================================================================

Requests of the worker
    `save_message`, `get_messages`, `get_variable`, `read_file`, `save_file`, `run_python`, `run_flow` and
    `get_local_model_url` call the run's context (`component.context.RunContext`); `args["run"]` is the number of the run.
    `list_flow_names` and `get_flow_ports` call the editor's context; `args["edit"]` is the number of the edit.

Requests of both sides
    `call_tool`, `embed`, `invoke_model`, `stream_model`, `get_next_item` and `get_next_chunk` use an object of the other side
    (`object_table`); `args["object"]` is the number of the object.

Notifications
    =============== ====================================================================================================
    `cancel`        Either side: the result of request `args["id"]` is no longer needed. The request is still answered.
    `close_run`     Server: the run has ended; drop its components and objects.
    `emit_message`  Worker: send a message to the watcher of the run.
    `emit_token`    Worker: send a token of a message to the watcher of the run.
    `report_usage`  Worker: count the tokens of a model call for a vertex.
    =============== ====================================================================================================

Limits
    A side that receives a frame beyond the limits in `frames` closes the connection. At most `MAX_CONCURRENT_REQUESTS` requests of
    one side are in progress; further requests get an error response. The server reads no further frames while the worker does not
    read its responses, and while the worker's frames take too much time (`read_budget`).

Errors
    `RemoteError` carries an error response. `ConnectionClosedError` fails every open request when the other side ends. A
    frame that is not valid ends `RpcConnection.run` with an exception; the server then kills the worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from headrace.component.author_traceback import (
    MAX_LINE_CHARACTERS,
    CodeFrame,
    RemoteCodeError,
    author_frames,
    author_traceback,
    exception_text,
)
from headrace.errors import HeadraceError
from headrace.isolation.rpc.frame_stream import FrameStream, SendError
from headrace.isolation.rpc.frames import FrameLimits
from headrace.isolation.rpc.read_budget import REQUEST_SECONDS, ReadBudget

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

#: Requests of the other side that are in progress at the same time.
MAX_CONCURRENT_REQUESTS = 1000
#: Length of the text of an error response, in characters.
MAX_ERROR_LENGTH = 20_000
#: Operations whose results can be large, and results of them that wait to be sent at the same time.
_BULK_OPERATIONS = frozenset({"read_file", "get_messages"})
_MAX_BULK_RESULTS = 4


class ConnectionClosedError(HeadraceError):
    """The other side ended before it responded."""

    def __init__(self) -> None:
        super().__init__("The other process closed the connection.")


class RemoteError(RemoteCodeError):
    """An error response of the other side."""


RequestHandler = Callable[[str, dict[str, Any]], Awaitable[Any]]
NotificationHandler = Callable[[str, dict[str, Any]], None]
ErrorDescriber = Callable[[BaseException], str]


def describe_error(error: BaseException) -> str:
    """Return an exception's text, or the name of its class if it has none."""
    return exception_text(error)


def _first_line(text: object) -> str:
    return str(text)[:MAX_LINE_CHARACTERS].partition("\n")[0]


class RpcConnection:
    """One end of a connection."""

    def __init__(
        self,
        reader: StreamReader,
        writer: StreamWriter,
        on_request: RequestHandler,
        on_notification: NotificationHandler,
        describe_error: ErrorDescriber = describe_error,
        limits: FrameLimits | None = None,
        budget: ReadBudget | None = None,
    ) -> None:
        """Create an end of a connection; `run` serves it.

        Args:
            reader: receives frames.
            writer: sends frames.
            on_request: computes the response to a request from its operation and arguments.
            on_notification: handles a notification.
            describe_error: returns the text of an error response for an exception of `on_request`.
            limits: limits of the frames in both directions.
            budget: limits the time for the other side's frames. None for a side that trusts the other.

        """
        self._on_request = on_request
        self._on_notification = on_notification
        self._describe_error = describe_error
        self._stream = FrameStream(reader, writer, limits or FrameLimits(), budget)
        self._bulk_results = asyncio.Semaphore(_MAX_BULK_RESULTS)
        #: Responses that are being sent.
        self._responding: set[asyncio.Task[None] | None] = set()
        self._request_ids = itertools.count(1)
        #: Responses that this side waits for, by request id.
        self._pending: dict[int, asyncio.Future[Any]] = {}
        #: Requests of the other side that are in progress, by request id.
        self._in_progress: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Receive frames until the other side ends; then fail the requests that are still open.

        Raises:
            FrameTooLargeError: a received frame is too large.
            ValueError: a received frame is not valid.

        """
        try:
            while True:
                frame = await self._stream.receive()
                started = time.thread_time()
                self._dispatch(frame)
                cost = REQUEST_SECONDS if "op" in frame else 0.0
                await self._stream.spend(time.thread_time() - started + cost)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._stream.close()
            for task in [*self._in_progress.values(), *self._responding]:
                if task is not None:
                    task.cancel()
            for future in self._pending.values():
                if not future.done():
                    future.set_exception(ConnectionClosedError())
            self._pending.clear()

    def start_request(self, op: str, args: dict[str, Any]) -> tuple[int, asyncio.Future[Any]]:
        """Send a request and return its id and a future of its result, with the errors of `request`.

        Raises:
            ConnectionClosedError: the other side has ended.

        """
        request_id = next(self._request_ids)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._stream.closed:
            raise ConnectionClosedError
        self._pending[request_id] = future
        future.add_done_callback(lambda _: self._pending.pop(request_id, None))
        self._send({"id": request_id, "op": op, "args": args})
        return request_id, future

    async def request(self, op: str, args: dict[str, Any]) -> Any:
        """Send a request and return its result. Cancelling the caller cancels the request.

        Raises:
            RemoteError: the other side responded with an error.
            ConnectionClosedError: the other side ended before it responded.
            FrameTooLargeError: the arguments are too large.
            UnserializableError: the arguments are not JSON.

        """
        request_id, future = self.start_request(op, args)
        try:
            return await future
        except asyncio.CancelledError:
            self.notify("cancel", {"id": request_id})
            raise

    def notify(self, op: str, args: dict[str, Any]) -> None:
        """Send a notification, unless the other side has ended."""
        if not self._stream.closed:
            self._send({"op": op, "args": args})

    def _send(self, frame: dict[str, Any]) -> None:
        if self._stream.closed:
            raise ConnectionClosedError
        self._stream.send(frame, functools.partial(self._fail, frame))

    def _fail(self, frame: dict[str, Any], error: SendError) -> None:
        """Report that a frame cannot be sent: to the caller of a request, or to the other side instead of a response."""
        request_id = frame.get("id") or 0
        if "op" not in frame and not self._stream.closed:
            self._send_error(request_id, error.message, type(error).__name__)
        elif (future := self._pending.get(request_id)) is not None and not future.done():
            future.set_exception(error)

    def _send_error(self, request_id: int, message: str, kind: str) -> None:
        self._send({"id": request_id, "error": {"message": message, "kind": kind}})

    def _dispatch(self, frame: dict[str, Any]) -> None:
        """Handle a received frame."""
        request_id, op = frame.get("id"), frame.get("op")
        if op is None:
            self._resolve(request_id or 0, frame)
        elif op == "cancel" and request_id is None:
            task = self._in_progress.get(frame["args"]["id"])
            if task is not None:
                task.cancel()
        elif request_id is None:
            self._on_notification(op, frame["args"])
        elif len(self._in_progress) + len(self._responding) >= MAX_CONCURRENT_REQUESTS:
            self._send_error(request_id, "Too many requests are in progress. Await some of them first.", "LimitError")
        else:
            self._in_progress[request_id] = asyncio.create_task(self._respond(request_id, op, frame["args"]))

    def _resolve(self, request_id: int, frame: dict[str, Any]) -> None:
        """Set the result of a request from its response."""
        future = self._pending.get(request_id)
        if future is None or future.done():
            return
        error = frame.get("error")
        if error is None:
            future.set_result(frame.get("ok"))
        else:
            text = error.get("traceback")
            future.set_exception(
                RemoteError(
                    str(error["message"])[:MAX_ERROR_LENGTH],
                    str(error["kind"])[:MAX_ERROR_LENGTH],
                    None if text is None else str(text)[:MAX_ERROR_LENGTH],
                    [CodeFrame(int(f[0]), _first_line(f[1]), _first_line(f[2])) for f in error.get("frames", ())],
                )
            )

    async def _respond(self, request_id: int, op: str, args: dict[str, Any]) -> None:
        """Compute and send the response to a request."""
        async with self._bulk_results if op in _BULK_OPERATIONS else contextlib.nullcontext():
            try:
                response = await self._compute_response(request_id, op, args)
            finally:
                # From here on, the request cannot be cancelled: it is always answered.
                self._in_progress.pop(request_id, None)
            if self._stream.closed:
                return
            task = asyncio.current_task()
            self._responding.add(task)
            try:
                await self._stream.send_all(response, functools.partial(self._fail, response))
            except ConnectionError:
                # The other side ended: no one waits for the response.
                return
            finally:
                self._responding.discard(task)

    async def _compute_response(self, request_id: int, op: str, args: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"id": request_id, "ok": await self._on_request(op, args)}
        except asyncio.CancelledError:
            return {"id": request_id, "error": {"message": "The request was cancelled.", "kind": "CancelledError"}}
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            response: dict[str, Any] = {"message": self._describe_error(error), "kind": type(error).__name__}
            if text := author_traceback(error):
                response["traceback"] = text
                response["frames"] = [(f.line, f.function, f.source) for f in author_frames(error)]
            return {"id": request_id, "error": response}
