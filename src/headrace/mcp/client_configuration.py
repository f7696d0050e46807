"""The configuration files of MCP clients on this machine: where they are, and the entry of a server in each format."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Transport = Literal["streamablehttp", "sse"]


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """The address of an MCP server, and the headers with its credentials."""

    url: str
    transport: Transport
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ClientProgram:
    """A program that reads its MCP servers from a JSON file.

    Attributes:
        name: the name in requests, such as `cursor`.
        path: returns the path of its file on this machine.
        servers_key: the key in the file whose value maps names to servers.
        entry: returns the value for a server.

    """

    name: str
    path: Callable[[], Path]
    servers_key: str
    entry: Callable[[ServerAddress], dict[str, Any]]

    @property
    def is_available(self) -> bool:
        """Return whether the program has been used on this machine."""
        path = self.path()
        return path.exists() or (path.parent.is_dir() and path.parent != Path.home())


def _application_data() -> Path:
    """Return the folder in which desktop programs store the user's settings."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def _remote(address: ServerAddress) -> dict[str, Any]:
    return {"url": address.url, "headers": dict(address.headers)}


def _windsurf(address: ServerAddress) -> dict[str, Any]:
    return {"serverUrl": address.url, "headers": dict(address.headers)}


def _typed(address: ServerAddress) -> dict[str, Any]:
    kind = "http" if address.transport == "streamablehttp" else "sse"
    return {"type": kind, "url": address.url, "headers": dict(address.headers)}


def _proxied(address: ServerAddress) -> dict[str, Any]:
    """Return a command that connects to the server, for a program whose file only has commands."""
    headers = [part for name, value in address.headers.items() for part in ("--headers", name, value)]
    return {"command": "uvx", "args": ["mcp-proxy", "--transport", address.transport, *headers, address.url]}


#: The programs in the order in which Langflow lists them, followed by those that Langflow does not know.
PROGRAMS = {
    program.name: program
    for program in (
        ClientProgram("cursor", lambda: Path.home() / ".cursor" / "mcp.json", "mcpServers", _remote),
        ClientProgram(
            "windsurf", lambda: Path.home() / ".codeium" / "windsurf" / "mcp_config.json", "mcpServers", _windsurf
        ),
        ClientProgram(
            "claude", lambda: _application_data() / "Claude" / "claude_desktop_config.json", "mcpServers", _proxied
        ),
        ClientProgram("claude-code", lambda: Path.home() / ".claude.json", "mcpServers", _typed),
        ClientProgram("vscode", lambda: _application_data() / "Code" / "User" / "mcp.json", "servers", _typed),
    )
}
