"""Send and receive frames on a stream socket; see `frames` for the format."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from headrace.errors import HeadraceError
from headrace.isolation.rpc.frames import (
    MAX_PART_BYTES,
    FrameBuilder,
    FrameLimits,
    FrameMeter,
    FrameTooLargeError,
    divide,
    is_small,
)
from headrace.isolation.rpc.read_budget import FRAME_SECONDS, YIELD_SECONDS, ReadBudget

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

#: Length of the size and the kind before each part's body, in bytes.
_HEADER_BYTES = 5


class UnserializableError(HeadraceError):
    """A frame contains a text that JSON cannot express, such as half of a surrogate pair."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"The value cannot be sent to or from isolated code: {error}")


#: The errors of a frame that cannot be sent.
SendError = FrameTooLargeError | UnserializableError


class FrameStream:
    """One end of a stream of frames."""

    def __init__(
        self, reader: StreamReader, writer: StreamWriter, limits: FrameLimits, budget: ReadBudget | None
    ) -> None:
        """Create an end of a stream.

        Args:
            reader: receives bytes.
            writer: sends bytes.
            limits: limits of the frames in both directions.
            budget: limits the time for the other side's frames. None for a side that trusts the other.

        """
        self._reader = reader
        self._writer = writer
        self._limits = limits
        self._budget = budget
        #: Time of the event loop for received frames since the last pause, in seconds.
        self._unyielded = 0.0
        #: Large frames that are being divided into parts.
        self._sending: set[asyncio.Task[None]] = set()

    @property
    def closed(self) -> bool:
        """Whether no more frames can be sent."""
        return self._writer.is_closing()

    def close(self) -> None:
        """Close the stream."""
        self._writer.close()
        for task in list(self._sending):
            task.cancel()

    async def receive(self) -> Any:
        """Return the next frame.

        Raises:
            IncompleteReadError, ConnectionError: the other side ended.
            FrameTooLargeError: the frame exceeds the limits.
            ValueError: the frame is not valid.

        """
        builder = FrameBuilder(self._limits)
        while True:
            header = await self._reader.readexactly(_HEADER_BYTES)
            size, kind = int.from_bytes(header[:4]), header[4:].decode("ascii")
            if size > MAX_PART_BYTES:
                raise FrameTooLargeError(self._limits)
            body = await self._reader.readexactly(size)
            started = time.thread_time()
            builder.add(kind.upper(), body)
            if kind.islower():
                return builder.finish()
            await self.spend(time.thread_time() - started)

    async def spend(self, seconds: float) -> None:
        """Count time for a received frame, and let the event loop do other work if it was long.

        Also wait until the other side has read what this side has sent: a side that requests and does not read must not fill
        the memory.
        """
        if self._budget is None:
            return
        seconds += FRAME_SECONDS
        pause = self._budget.spend(seconds)
        self._unyielded += seconds
        if pause or self._unyielded > YIELD_SECONDS:
            self._unyielded = 0.0
            await asyncio.sleep(pause)
        await self._writer.drain()

    def send(self, frame: dict[str, Any], on_error: Callable[[SendError], None]) -> None:
        """Send a frame at once if it is small; otherwise in the background, dividing it in a thread.

        Args:
            frame: a JSON object.
            on_error: called if the frame cannot be sent.

        """
        if is_small(frame):
            try:
                self._writer.write(self._encode(frame))
            except (FrameTooLargeError, UnserializableError) as error:
                on_error(error)
            return
        task = asyncio.create_task(self._send_large(frame, on_error))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def send_all(self, frame: dict[str, Any], on_error: Callable[[SendError], None]) -> None:
        """Send a frame and wait until the other side has read most of what was sent.

        Args:
            frame: a JSON object.
            on_error: called if the frame cannot be sent.

        """
        if is_small(frame):
            self.send(frame, on_error)
        else:
            await self._send_large(frame, on_error)
        await self._writer.drain()

    async def _send_large(self, frame: dict[str, Any], on_error: Callable[[SendError], None]) -> None:
        try:
            wire = await asyncio.to_thread(self._encode, frame)
        except (FrameTooLargeError, UnserializableError) as error:
            on_error(error)
            return
        if not self.closed:
            self._writer.write(wire)

    def _encode(self, frame: dict[str, Any]) -> bytes:
        meter = FrameMeter(self._limits)
        wire: list[bytes] = []
        try:
            for kind, body in divide(frame):
                meter.add(kind, body)
                wire += (len(body).to_bytes(4), kind.encode(), body)
        except orjson.JSONEncodeError as error:
            raise UnserializableError(error) from error
        wire[-2] = wire[-2].lower()
        return b"".join(wire)
