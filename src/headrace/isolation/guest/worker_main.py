"""The entry point of a worker process, which runs the custom code of one user.

    python -I -B -m headrace.isolation.guest.worker_main CHANNEL NETWORK LIMITS SERVER

CHANNEL and NETWORK are the file descriptors of the RPC connection and of the network channel; LIMITS are the fields of
`ResourceLimits` as JSON; SERVER is the server's process id. The process opens what it needs, confines itself and then serves requests. From then on, everything
that it runs is untrusted.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from pathlib import Path

import orjson

from headrace.isolation.guest import socket_patch
from headrace.isolation.guest.privileges import PrivilegeError
from headrace.isolation.guest.sandbox import sandbox_self
from headrace.isolation.guest.worker_service import WorkerService
from headrace.isolation.limits import START_FAILURE_PREFIX, ResourceLimits

#: Stack of a thread, in bytes.
THREAD_STACK_BYTES = 2 << 20
#: Buffer of the connection's reader, in bytes.
_READ_BUFFER_BYTES = 1 << 20


async def serve(
    channel: socket.socket, limits: ResourceLimits, network: socket_patch.Network, confinement: dict[str, bool]
) -> None:
    """Serve the server's requests until the server ends."""
    reader, writer = await asyncio.open_unix_connection(sock=channel, limit=_READ_BUFFER_BYTES)
    await WorkerService(reader, writer, limits, network, confinement).run()


def close_inherited_files(exempt: set[int]) -> None:
    """Close all files but the standard streams and those in `exempt`: the server's event loop may pass on others of its files."""
    start = 3
    for number in sorted(exempt):
        os.closerange(start, number)
        start = number + 1
    os.closerange(start, os.sysconf("SC_OPEN_MAX"))


def main() -> None:
    """Confine this process and serve the server's requests."""
    descriptors = [int(number) for number in sys.argv[1:3]]
    close_inherited_files(set(descriptors))
    channel, network_channel = (socket.socket(fileno=number) for number in descriptors)
    limits = ResourceLimits(**orjson.loads(sys.argv[3]))
    threading.stack_size(THREAD_STACK_BYTES)
    network = socket_patch.Network(network_channel)
    try:
        confinement = sandbox_self(limits, Path.cwd(), int(sys.argv[4]))
    except PrivilegeError as error:
        # Without confinement, the process runs no code. The server reads the reason from the pipe of stdout.
        sys.exit(f"{START_FAILURE_PREFIX}{error}")
    socket_patch.install(network)
    asyncio.run(serve(channel, limits, network, confinement))
    # A normal exit would wait for threads of custom code, which may never end.
    os._exit(0)


if __name__ == "__main__":
    main()
