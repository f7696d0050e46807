"""The configuration of an MCP server: a URL with headers, or a local command."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from headrace.mcp.errors import McpError
from headrace.net.urls import displayed_url

_PROXY = "mcp-proxy"


@dataclass(frozen=True, slots=True)
class McpServer:
    """An MCP server: its URL, or the local command that is one."""

    name: str
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Whether to use the older SSE transport, in which responses arrive on a separate stream.
    uses_sse: bool = False
    command: str = ""
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def transport(self) -> str:
        """Return the name of the transport in Langflow."""
        if self.command:
            return "Stdio"
        return "SSE" if self.uses_sse else "Streamable_HTTP"

    def fingerprint(self) -> str:
        """Return a digest that differs for different configurations."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True, default=dict).encode()).hexdigest()


def parse_server(value: object, *, allow_command: bool = False) -> McpServer:
    """Return the server in the value of a field: `{name, config: {url, headers}}`, the format of MCP clients.

    A command that is a proxy to a URL is replaced by that URL.

    Args:
        value: the value.
        allow_command: whether the server may be a local command. A flow is data, which must not start programs.

    Raises:
        McpError: the value contains no usable server.

    """
    fields = value if isinstance(value, dict) else {}
    name = str(fields.get("name") or "")
    config = fields.get("config") or fields
    if not isinstance(config, dict):
        raise McpError("The settings of the MCP server are not valid: they must be a JSON object.")
    listed = config.get("args")
    arguments = [str(argument) for argument in listed] if isinstance(listed, list) else []
    command = str(config.get("command") or "")
    url = str(config.get("url") or "")
    headers = _parse_headers(config.get("headers"))
    kind = str(config.get("transport") or config.get("type") or config.get("mode") or "").lower()
    if not url and _PROXY in " ".join([command, *arguments]):
        url = next((a for a in reversed(arguments) if a.startswith(("http://", "https://"))), "")
        headers = {**_parse_proxy_headers(arguments), **headers}
        kind = kind or _option(arguments, "--transport")
    if not url and command:
        if not allow_command:
            raise McpError(
                f"The MCP server {name!r} is a command, which a flow may not start. Store it under POST "
                "/api/v2/mcp/servers/{name} and select it by its name, or serve it over HTTP and enter its URL."
            )
        environment = config.get("env")
        pairs = environment if isinstance(environment, dict) else {}
        return McpServer(
            name or command,
            command=command,
            arguments=tuple(arguments),
            environment={str(key): str(pair) for key, pair in pairs.items()},
        )
    if not url:
        raise McpError("The MCP server has no URL. Enter one, such as https://host/mcp.")
    uses_sse = kind == "sse" or (not kind and url.rstrip("/").endswith("/sse"))
    return McpServer(name or displayed_url(url), url, headers, uses_sse)


def _parse_headers(value: object) -> dict[str, str]:
    if isinstance(value, dict):
        return {str(k): str(v) for k, v in value.items()}
    rows = value if isinstance(value, list) else []
    return {str(row["key"]): str(row.get("value") or "") for row in rows if isinstance(row, dict) and row.get("key")}


def _parse_proxy_headers(arguments: list[str]) -> dict[str, str]:
    """Return the headers in the arguments of mcp-proxy: `--headers NAME VALUE`."""
    places = [place for place, argument in enumerate(arguments) if argument in {"-H", "--headers"}]
    return {arguments[p + 1]: arguments[p + 2] for p in places if p + 2 < len(arguments)}


def _option(arguments: list[str], name: str) -> str:
    place = arguments.index(name) + 1 if name in arguments else len(arguments)
    return arguments[place].lower() if place < len(arguments) else ""
