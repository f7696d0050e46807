"""Settings of connections to MCP servers."""

from __future__ import annotations

from headrace.settings.declaration import SettingsGroup, setting


class McpClientSettings(SettingsGroup):
    """Connections to the MCP servers whose tools flows use, and their local commands."""

    connect_seconds: float = setting(
        "LANGFLOW_MCP_SERVER_TIMEOUT",
        default=20,
        gt=0,
        description="Time limit for connecting to an MCP server and for listing its tools, in seconds.",
    )
    call_seconds: float = setting(
        "HEADRACE_MCP_CALL_SECONDS",
        default=300,
        gt=0,
        description="Time limit for a call of a tool of an MCP server, in seconds.",
    )
    idle_seconds: float = setting(
        "LANGFLOW_MCP_SESSION_IDLE_TIMEOUT",
        default=400,
        gt=0,
        description="Time after which an unused connection to an MCP server is closed and its local command ended, in seconds.",
    )
    user_connections: int = setting(
        "HEADRACE_MAX_USER_MCP_CONNECTIONS",
        default=20,
        ge=1,
        description="Maximum number of a user's connections to MCP servers in a server process.",
    )
    connections: int = setting(
        "HEADRACE_MAX_MCP_CONNECTIONS",
        default=200,
        ge=1,
        description="Maximum number of connections to MCP servers in a server process.",
    )
    starts_commands: bool = setting(
        "HEADRACE_MCP_COMMANDS",
        default=True,
        description="Start the local commands of MCP servers, for users who may run code. On a server that isolates code, only for superusers.",
    )
    command_memory_mib: int = setting(
        "HEADRACE_MCP_COMMAND_MEMORY_MIB",
        default=1024,
        ge=32,
        description="Maximum memory of the local command of an MCP server with its child processes, in MiB.",
    )
    command_processes: int = setting(
        "HEADRACE_MCP_COMMAND_PROCESSES",
        default=64,
        ge=1,
        description="Maximum number of processes of the local command of an MCP server.",
    )
    message_mib: int = setting(
        "HEADRACE_MCP_MAX_MESSAGE_MIB",
        default=8,
        ge=1,
        description="Maximum size of a message of the local command of an MCP server, in MiB.",
    )
