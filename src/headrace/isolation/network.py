"""The server's end of a worker's network: connections are made here, each checked by the egress guard, and passed on."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import orjson

from headrace.egress import EgressError

if TYPE_CHECKING:
    from headrace.egress import GuardedEgress

_QUESTION = 65_536
#: The longest wait for a connection, seconds.
LONGEST = 60.0
#: So many connections are being made at once for one worker.
AT_ONCE = 64
#: Names are remembered for so many addresses.
NAMES_KEPT = 1000


class WorkerNetwork:
    """One worker's way to the network."""

    def __init__(self, channel: socket.socket, egress: GuardedEgress) -> None:
        channel.setblocking(False)
        self._channel = channel
        self._egress = egress
        #: Under which names the worker was told of an address.
        self._names: OrderedDict[str, str] = OrderedDict()
        self._making: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to listen to the worker."""
        asyncio.get_running_loop().add_reader(self._channel, self._hear)

    def stop(self) -> None:
        """Listen no more, and make no more connections. Those that were passed on are the worker's."""
        asyncio.get_running_loop().remove_reader(self._channel)
        for task in self._making:
            task.cancel()
        self._channel.close()

    def _hear(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self._channel, _QUESTION, 4)
        except BlockingIOError:
            return
        except OSError:
            asyncio.get_running_loop().remove_reader(self._channel)
            return
        if not data or len(fds) != 1 or len(self._making) >= AT_ONCE or not stat.S_ISSOCK(os.fstat(fds[0]).st_mode):
            for fd in fds:
                os.close(fd)
            if not data:
                asyncio.get_running_loop().remove_reader(self._channel)
            return
        task = asyncio.create_task(self._answer(socket.socket(fileno=fds[0]), data))
        self._making.add(task)
        task.add_done_callback(self._making.discard)

    async def _answer(self, back: socket.socket, data: bytes) -> None:
        with back:
            back.setblocking(False)
            opened: socket.socket | None = None
            try:
                question = orjson.loads(data)
                host, port = str(question["host"]), int(question["port"])
                if question["op"] == "connect":
                    opened = await self._connect(host, port, min(float(question["seconds"]), LONGEST))
                    answer: dict[str, Any] = {}
                else:
                    answer = {"addresses": await self._resolve(host, port)}
            except EgressError as error:
                answer = {"kind": "blocked", "error": error.message}
            except socket.gaierror as error:
                answer = {"kind": "unknown", "error": str(error.strerror)}
            except (TimeoutError, OSError) as error:
                number = errno.ETIMEDOUT if isinstance(error, TimeoutError) else error.errno
                answer = {"kind": "failed", "error": str(error) or "It took too long.", "errno": number}
            except (ValueError, KeyError, TypeError, OverflowError):
                answer = {"kind": "failed", "error": "This is no question.", "errno": errno.EINVAL}
            # A worker that no longer waits has closed its end.
            with contextlib.suppress(OSError):
                socket.send_fds(back, [orjson.dumps(answer)], [opened.fileno()] if opened is not None else [])
            if opened is not None:
                opened.close()

    async def _resolve(self, host: str, port: int) -> list[str]:
        found = await self._egress.addresses(host.lower(), port)
        for address in found:
            self._names[address] = host.lower()
            self._names.move_to_end(address)
        while len(self._names) > NAMES_KEPT:
            self._names.popitem(last=False)
        return found

    async def _connect(self, host: str, port: int, seconds: float) -> socket.socket:
        """Return a connection to an address.

        What the operator allows by name, the worker knows by address: the name is looked up and checked again.
        """
        async with asyncio.timeout(seconds):
            name = self._names.get(host, host)
            found = await self._egress.addresses(name, port)
            address = host if host in found else found[0]
            if name != host and host not in found:
                found = await self._egress.addresses(host, port)
                address = found[0]
            opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
            try:
                opened.setblocking(False)
                await asyncio.get_running_loop().sock_connect(opened, (address, port))
            except BaseException:
                opened.close()
                raise
            return opened
