"""Limits of connections to MCP servers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class McpLimits:
    """Limits of the connections of one process.

    Attributes:
        connect_seconds: time for opening a session, and for listing the tools of a server.
        call_seconds: time for a call of a tool.
        idle_seconds: time after which an unused connection is closed.
        user_connections: connections of one user.
        connections: connections of all users.
        command_memory_mib: memory of a local command with its descendants, in MiB.
        command_processes: processes of a local command.
        message_mib: size of a message of a local command, in MiB.

    """

    connect_seconds: float = 20.0
    call_seconds: float = 300.0
    idle_seconds: float = 400.0
    user_connections: int = 20
    connections: int = 200
    command_memory_mib: int = 1024
    command_processes: int = 64
    message_mib: int = 8
