"""Open network connections for a worker, which cannot open sockets itself.

The worker sends a packet for each request: JSON `{id, op: "resolve" | "connect", host, port, seconds}`. The broker checks the
address with the egress guard and responds with `{id, addresses}`, or with `{id}` and the connected socket attached, or with
`{id, kind: "blocked" | "unknown" | "failed", error, errno}`. The worker cannot connect the socket to another address, and cannot
attach descriptors itself; see `guest.seccomp`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import orjson

from headrace.net.egress import EgressError

if TYPE_CHECKING:
    from headrace.net.egress import EgressGuard

#: Size of a request, in bytes.
MAX_REQUEST_BYTES = 65_536
#: Time to open a connection, in seconds.
MAX_CONNECT_SECONDS = 60.0
#: Requests of one worker that are in progress at the same time. Further requests fail.
MAX_CONCURRENT_REQUESTS = 64
#: Resolved addresses whose host names are remembered for one worker.
MAX_RESOLVED_ADDRESSES = 1000


class NetworkBroker:
    """Resolves names and opens connections for one worker."""

    def __init__(self, channel: socket.socket, egress: EgressGuard) -> None:
        channel.setblocking(False)
        self._channel = channel
        self._egress = egress
        #: The host name that the worker resolved to get an address.
        self._names: OrderedDict[str, str] = OrderedDict()
        self._requests: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start to serve requests."""
        asyncio.get_running_loop().add_reader(self._channel, self._on_readable)

    def stop(self) -> None:
        """Stop serving and cancel requests in progress. Connections that were passed to the worker stay open there."""
        asyncio.get_running_loop().remove_reader(self._channel)
        for task in self._requests:
            task.cancel()
        self._channel.close()

    def _on_readable(self) -> None:
        try:
            data = self._channel.recv(MAX_REQUEST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._channel)
            return
        task = asyncio.create_task(self._respond(data, refused=len(self._requests) >= MAX_CONCURRENT_REQUESTS))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _respond(self, data: bytes, *, refused: bool) -> None:
        connection: socket.socket | None = None
        request_id: object = None
        try:
            request = orjson.loads(data)
            request_id = request["id"]
            host, port = str(request["host"]), int(request["port"])
            if refused:
                text = "Too many network requests are in progress. Await some of them first."
                response: dict[str, Any] = {"kind": "failed", "error": text, "errno": errno.EAGAIN}
            elif request["op"] == "connect":
                connection = await self._connect(host, port, min(float(request["seconds"]), MAX_CONNECT_SECONDS))
                response = {}
            else:
                response = {"addresses": await self._resolve(host, port)}
        except EgressError as error:
            response = {"kind": "blocked", "error": error.message}
        except socket.gaierror as error:
            response = {"kind": "unknown", "error": str(error.strerror)}
        except (TimeoutError, OSError) as error:
            number = errno.ETIMEDOUT if isinstance(error, TimeoutError) else error.errno
            response = {"kind": "failed", "error": str(error) or "The connection timed out.", "errno": number}
        except (ValueError, KeyError, TypeError, OverflowError):
            response = {"kind": "failed", "error": "The network request is not valid.", "errno": errno.EINVAL}
        body = orjson.dumps({"id": request_id, **response})
        # A worker that does not read its responses loses them.
        with contextlib.suppress(OSError):
            if connection is None:
                self._channel.send(body)
            else:
                socket.send_fds(self._channel, [body], [connection.fileno()])
        if connection is not None:
            connection.close()

    async def _resolve(self, host: str, port: int) -> list[str]:
        addresses = await self._egress.addresses(host.lower(), port)
        for address in addresses:
            self._names[address] = host.lower()
            self._names.move_to_end(address)
        while len(self._names) > MAX_RESOLVED_ADDRESSES:
            self._names.popitem(last=False)
        return addresses

    async def _connect(self, host: str, port: int, seconds: float) -> socket.socket:
        """Return a socket connected to an address.

        The operator may allow a host by name, while the worker connects to an address that it resolved earlier. Therefore the
        name of the address is resolved and checked again.
        """
        async with asyncio.timeout(seconds):
            name = self._names.get(host, host)
            addresses = await self._egress.addresses(name, port)
            address = host if host in addresses else addresses[0]
            if name != host and host not in addresses:
                addresses = await self._egress.addresses(host, port)
                address = addresses[0]
            connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
            try:
                connection.setblocking(False)
                await asyncio.get_running_loop().sock_connect(connection, (address, port))
            except BaseException:
                connection.close()
                raise
            return connection
