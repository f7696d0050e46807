"""Settings of the MCP server, which offers flows as tools."""

from __future__ import annotations

from headrace.settings.declaration import SettingsGroup, setting


class McpServerSettings(SettingsGroup):
    """The MCP server."""

    enabled: bool = setting(
        "LANGFLOW_MCP_SERVER_ENABLED",
        default=True,
        description="Offer flows as tools to MCP clients. If it is off, the addresses below `/mcp/` respond with 501.",
    )
    progress_notifications: bool = setting(
        "LANGFLOW_MCP_SERVER_ENABLE_PROGRESS_NOTIFICATIONS",
        default=True,
        description="Report the progress of a tool call to clients that request it.",
    )
    max_sessions: int = setting(
        "HEADRACE_MCP_MAX_SESSIONS_PER_USER",
        default=200,
        ge=1,
        description="Maximum number of open MCP sessions of a user in a server process.",
    )
    session_idle_seconds: float = setting(
        "HEADRACE_MCP_SESSION_IDLE_SECONDS",
        default=1800,
        gt=0,
        description="Time after which an MCP session without a request or an open stream ends, in seconds.",
    )
    stateless: bool = setting(
        "HEADRACE_MCP_STATELESS",
        default=False,
        description="Open no MCP sessions, so that each request can go to another server. Always the case if "
        "`LANGFLOW_WORKERS` is above 1, because processes do not share sessions.",
    )
