"""Requests and answers between the server and a worker, on one stream, both ways at once.

A frame is four bytes of length, big-endian, and JSON: `{id, op, args}` asks, `{id, ok}` or `{id, error}` answers, and
`{op, args}` tells without waiting. What a frame carries is data, and nothing in it is run.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson

from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

#: The largest frame, bytes.
LARGEST = 64 << 20
#: So many requests of the other side are answered at once.
AT_ONCE = 1000
_HEAD = 4


class FrameTooLargeError(HeadraceError):
    """A value is too large to go between the server and a worker."""

    def __init__(self) -> None:
        super().__init__(f"The value is larger than the {LARGEST >> 20} MiB that go to or from isolated code.")


class NoJsonError(HeadraceError):
    """A value holds a text that no JSON can: half of a surrogate pair, say."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"The value cannot go to or from isolated code: {error}")


class PeerGoneError(HeadraceError):
    """The other side ended before it answered."""


class RemoteError(HeadraceError):
    """The other side answered with an error. `kind` is the name of its class there."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


Answer = Callable[[str, dict[str, Any]], Awaitable[Any]]
Told = Callable[[str, dict[str, Any]], None]


class Peer:
    """One end of the stream."""

    def __init__(
        self,
        reader: StreamReader,
        writer: StreamWriter,
        answer: Answer,
        told: Told,
        explain: Callable[[BaseException], str] | None = None,
    ) -> None:
        """Set up.

        Args:
            reader: the other side's frames.
            writer: where ours go.
            answer: answers a request of the other side's, by its operation and arguments.
            told: hears what the other side tells.
            explain: words the errors of `answer`; by default their own text.

        """
        self._explain = explain or text_of_error
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._told = told
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._answering: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Read until the other side ends; what was asked of it and not answered fails then."""
        try:
            while True:
                size = int.from_bytes(await self._reader.readexactly(_HEAD))
                if size > LARGEST:
                    raise FrameTooLargeError
                self._take(orjson.loads(await self._reader.readexactly(size)))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writer.close()
            for task in list(self._answering.values()):
                task.cancel()
            for future in self._asked.values():
                if not future.done():
                    future.set_exception(PeerGoneError("The other side ended."))
            self._asked.clear()

    def begin(self, op: str, args: dict[str, Any]) -> tuple[int, asyncio.Future[Any]]:
        """Ask, and return the request's number and its answer to come.

        Raises:
            FrameTooLargeError: the arguments are.

        """
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._send({"id": number, "op": op, "args": args})
        self._asked[number] = future
        future.add_done_callback(lambda _: self._asked.pop(number, None))
        return number, future

    async def ask(self, op: str, args: dict[str, Any]) -> Any:
        """Ask, and return the answer.

        Raises:
            RemoteError: the other side could not.
            PeerGoneError: it ended before.
            FrameTooLargeError: the arguments are.

        """
        number, future = self.begin(op, args)
        try:
            return await future
        except asyncio.CancelledError:
            self.tell("cancel", {"id": number})
            raise

    def tell(self, op: str, args: dict[str, Any]) -> None:
        """Say something without waiting for an answer."""
        if not self._writer.is_closing():
            self._send({"op": op, "args": args})

    def _send(self, frame: dict[str, Any]) -> None:
        if self._writer.is_closing():
            raise PeerGoneError("The other side ended.")
        try:
            body = orjson.dumps(frame)
        except orjson.JSONEncodeError as error:
            raise NoJsonError(error) from error
        if len(body) > LARGEST:
            raise FrameTooLargeError
        self._writer.write(len(body).to_bytes(_HEAD) + body)

    def _take(self, frame: dict[str, Any]) -> None:
        number, op = frame.get("id"), frame.get("op")
        if op == "cancel" and number is None:
            task = self._answering.get(frame["args"]["id"])
            if task is not None:
                task.cancel()
        elif op is None:
            future = self._asked.get(number or 0)
            if future is not None and not future.done():
                error = frame.get("error")
                if error is None:
                    future.set_result(frame.get("ok"))
                else:
                    future.set_exception(RemoteError(str(error["message"]), str(error["kind"])))
        elif number is None:
            self._told(op, frame["args"])
        elif len(self._answering) >= AT_ONCE:
            self._send({"id": number, "error": {"message": "Too much is asked at once.", "kind": "TooMuch"}})
        else:
            self._answering[number] = asyncio.create_task(self._answer_to(number, op, frame["args"]))

    async def _answer_to(self, number: int, op: str, args: dict[str, Any]) -> None:
        try:
            answer = {"id": number, "ok": await self._answer(op, args)}
        except asyncio.CancelledError:
            answer = {"id": number, "error": {"message": "It was cancelled.", "kind": "CancelledError"}}
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            answer = {"id": number, "error": {"message": self._explain(error), "kind": type(error).__name__}}
        finally:
            self._answering.pop(number, None)
        if self._writer.is_closing():
            return
        try:
            self._send(answer)
            await self._writer.drain()
        except (FrameTooLargeError, NoJsonError) as error:
            self._send({"id": number, "error": {"message": error.message, "kind": type(error).__name__}})
        except ConnectionError:
            # The other side went away and waits no more.
            return


def text_of_error(error: BaseException) -> str:
    """Return an error's text for people; the name of its class where it has none."""
    return str(error) or type(error).__name__
