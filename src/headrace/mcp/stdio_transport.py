"""The stdio transport of MCP with limits: a JSON-RPC message per line, over the standard streams of a command.

Protocol: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio. The transport of the SDK reads lines of
any length and at any rate.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.mcp.command_process import CommandProcess
    from headrace.mcp.limits import McpLimits

#: Lines that are not messages, such as a greeting. After more of them, the command is ended.
MAX_INVALID_LINES = 100
#: Messages per second, and at once after a quiet time.
MESSAGES_PER_SECOND = 200.0
BURST_MESSAGES = 1000


@contextlib.asynccontextmanager
async def open_stdio(process: CommandProcess, limits: McpLimits) -> AsyncIterator[Any]:
    """Start a command, yield the streams of its messages, and end it.

    Raises:
        CommandStartError: the command was not found.

    """
    import anyio
    from mcp.shared.message import SessionMessage

    try:
        stdin, stdout = await process.start()
        received, read_stream = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write_stream, sent = anyio.create_memory_object_stream[SessionMessage](0)
        async with received, read_stream, write_stream, sent:
            tasks = [
                asyncio.create_task(_read_messages(stdout, received, process, limits)),
                asyncio.create_task(_write_messages(stdin, sent)),
            ]
            try:
                yield read_stream, write_stream
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        # The end of the command has time limits of its own, and must not be interrupted.
        closing = asyncio.ensure_future(process.close())
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            await closing
            raise


async def _read_messages(
    stdout: asyncio.StreamReader, received: Any, process: CommandProcess, limits: McpLimits
) -> None:
    import anyio
    from mcp.shared.message import SessionMessage
    from mcp.types import jsonrpc_message_adapter

    invalid_lines = 0
    allowed, last_refill = float(BURST_MESSAGES), time.monotonic()
    async with received:
        with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            while True:
                try:
                    line = await stdout.readline()
                except ValueError:
                    process.kill(
                        f"it sent a message of more than {limits.message_mib} MiB. An operator can raise "
                        "HEADRACE_MCP_MAX_MESSAGE_MIB"
                    )
                    return
                if not line:
                    return
                now = time.monotonic()
                allowed = min(float(BURST_MESSAGES), allowed + (now - last_refill) * MESSAGES_PER_SECOND) - 1
                last_refill = now
                if allowed < 0:
                    process.kill(f"it sent more than {MESSAGES_PER_SECOND:g} messages per second")
                    return
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValueError:
                    invalid_lines += 1
                    if invalid_lines > MAX_INVALID_LINES:
                        process.kill("it sent lines that are not MCP messages. Its command must write nothing else")
                        return
                    # Lines in the buffer are read without a pause.
                    await asyncio.sleep(0)
                    continue
                await received.send(SessionMessage(message))


async def _write_messages(stdin: asyncio.StreamWriter, sent: Any) -> None:
    # A command that has ended is noticed at the end of its output.
    with contextlib.suppress(OSError):
        async for item in sent:
            stdin.write(item.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
            await stdin.drain()
