"""Write the log in a thread, so that a slow reader of it does not stop the server."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading
from collections import deque
from collections.abc import Iterator
from typing import TextIO

#: The maximum size of the lines that wait for the reader, in characters; further lines are dropped and counted.
MAX_WAITING_CHARACTERS = 1_000_000
#: How much larger the waiting lines may be for a line of at least the level `error`, in characters.
ERROR_RESERVE_CHARACTERS = 100_000
#: How long a line of at least the level `error` may take until it is written, so that a crash does not lose it, in seconds.
MAX_ERROR_WAIT_SECONDS = 0.2
#: How long the end of the server waits for the reader of the log, in seconds.
MAX_FLUSH_SECONDS = 2.0


class QueuedHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a stream: in a thread between `start` and `stop`, directly before and after."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._waiting: deque[bytes] = deque()
        self._waiting_characters = 0
        self._dropped = 0
        #: Guards the fields, and is notified when lines arrive and when all are written.
        self._changed = threading.Condition()
        self._is_writing = False
        self._is_stalled = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start to write in a thread. Does nothing if the stream is not one of the operating system."""
        try:
            descriptor = self.stream.fileno()
        except (OSError, ValueError, AttributeError):
            return
        if self._thread is None:
            super().flush()
            self._thread = threading.Thread(target=self._write_repeatedly, args=(descriptor,), name="log", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Write the waiting lines, and further ones directly, unless the reader is too slow."""
        if self._thread is not None and self._wait_until_written(MAX_FLUSH_SECONDS):
            self._thread = None
            with self._changed:
                self._changed.notify_all()

    def flush(self) -> None:
        """Wait for the waiting lines, for a limited time."""
        if self._thread is None:
            super().flush()
        else:
            self._wait_until_written(MAX_FLUSH_SECONDS)

    def emit(self, record: logging.LogRecord) -> None:
        """Write or queue the line of a record."""
        if self._thread is None:
            super().emit(record)
            return
        try:
            line = self._encode(record)
        except Exception:
            self.handleError(record)
            return
        is_error = record.levelno >= logging.ERROR
        limit = MAX_WAITING_CHARACTERS + (ERROR_RESERVE_CHARACTERS if is_error else 0)
        with self._changed:
            if self._waiting_characters + len(line) > limit:
                self._dropped += 1
                return
            self._waiting.append(line)
            self._waiting_characters += len(line)
            self._changed.notify_all()
        if is_error and not self._is_stalled and threading.current_thread() is not self._thread:
            self._is_stalled = not self._wait_until_written(MAX_ERROR_WAIT_SECONDS)

    def _encode(self, record: logging.LogRecord) -> bytes:
        return (self.format(record) + self.terminator).encode(self.stream.encoding or "utf-8", "backslashreplace")

    def _wait_until_written(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._is_writing, seconds)

    def _write_repeatedly(self, descriptor: int) -> None:
        thread = threading.current_thread()
        while True:
            with self._changed:
                self._is_writing = False
                if not self._waiting:
                    self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting or self._thread is not thread)
                if not self._waiting:
                    return
                lines = b"".join(self._waiting)
                self._waiting.clear()
                self._is_writing = True
            _write_all(descriptor, lines)
            with self._changed:
                self._waiting_characters = sum(map(len, self._waiting))
                self._is_stalled = False
                # The dropped lines are later than those that wait.
                dropped = 0 if self._waiting else self._dropped
                self._dropped -= dropped
            if dropped:
                _write_all(descriptor, self._encode(_dropped_record(dropped)))


def _write_all(descriptor: int, data: bytes) -> None:
    # Not the stream, whose lock Python takes at exit, while this thread may wait for the reader.
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
        except OSError:
            # Nobody reads the log any more, so the error cannot be reported.
            return


def _dropped_record(count: int) -> logging.LogRecord:
    text = "%d lines of the log were dropped, because its reader on stderr was too slow."
    return logging.LogRecord(__name__, logging.WARNING, "", 0, text, (count,), None)


@contextlib.contextmanager
def log_written_in_thread() -> Iterator[None]:
    """Write the log in a thread while the block runs."""
    handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler, QueuedHandler)]
    for handler in handlers:
        handler.start()
    try:
        yield
    finally:
        for handler in handlers:
            handler.stop()
