"""Settings of the HTTP server."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import field_validator

from headrace.settings.declaration import SettingsGroup, StringList, setting

ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")

#: First parts of the API's own paths.
API_SEGMENTS = frozenset(
    {"api", "v1", "docs", "redoc", "openapi.json", "health", "health_check", "logs", "logs-stream", "metrics"}
)


class ServerSettings(SettingsGroup):
    """Address, processes, browser access and request limits."""

    host: str = setting("LANGFLOW_HOST", default="127.0.0.1", description="Address to listen on.")
    port: int = setting("LANGFLOW_PORT", default=7860, ge=0, le=65535, description="Port to listen on.")
    workers: int = setting("LANGFLOW_WORKERS", default=1, ge=1, description="Number of server processes.")
    root_path: str = setting(
        "LANGFLOW_ROOT_PATH",
        default="",
        description="Path under which a reverse proxy serves the server, such as `/flows`. The proxy may remove it from the "
        "requests or not.",
    )
    public_url: str | None = setting(
        "HEADRACE_PUBLIC_URL",
        default=None,
        description="Address at which clients reach the server, with `LANGFLOW_ROOT_PATH`, such as `https://host/flows`. It appears in the "
        "addresses of MCP servers and in OAuth documents. By default, the address of each request.",
    )
    shutdown_grace_seconds: float = setting(
        "HEADRACE_SHUTDOWN_GRACE_SECONDS",
        default=30,
        ge=0,
        description="Time that active runs have to end when the server is stopped, in seconds. Runs that take longer end with an "
        "error; background runs start again with the next process.",
    )
    backend_only: bool = setting(
        "LANGFLOW_BACKEND_ONLY", default=False, description="Serve only the API, without a front end."
    )
    frontend_path: Path | None = setting(
        "LANGFLOW_FRONTEND_PATH", default=None, description="Folder of a built front end to serve at `/`."
    )
    open_browser: bool = setting("LANGFLOW_OPEN_BROWSER", default=False, description="Open a browser at start.")
    cors_origins: StringList = setting(
        "LANGFLOW_CORS_ORIGINS",
        default=[],
        description="Other origins that browsers may call the API from. By default, only the server's own origin may.",
    )
    cors_allow_credentials: bool = setting(
        "LANGFLOW_CORS_ALLOW_CREDENTIALS",
        default=True,
        description="Let those origins send cookies. Has no effect if the origin is `*`.",
    )
    max_request_bytes: int = setting(
        "HEADRACE_MAX_REQUEST_BYTES",
        default=10_000_000,
        ge=1024,
        description="Maximum size of a request body that is not a file upload, in bytes.",
    )
    max_anonymous_request_bytes: int = setting(
        "HEADRACE_MAX_ANONYMOUS_REQUEST_BYTES",
        default=65_536,
        ge=1024,
        description="Maximum size of the body of a request to a public route other than a webhook, in bytes.",
    )
    max_webhook_bytes: int = setting(
        "HEADRACE_MAX_WEBHOOK_BYTES",
        default=2_000_000,
        ge=1024,
        description="Maximum size of the payload of a webhook call, in bytes.",
    )
    max_body_bytes_in_flight: int = setting(
        "HEADRACE_MAX_BODY_BYTES_IN_FLIGHT",
        default=100_000_000,
        ge=100_000,
        description="Maximum size of all request bodies that a server process holds in memory at a time, in bytes. One "
        "client address may hold half of it, and requests without credentials together a quarter.",
    )
    max_header_bytes: int = setting(
        "HEADRACE_MAX_HEADER_BYTES",
        default=65_536,
        ge=4096,
        description="Maximum size of the request line and the headers of a request, in bytes.",
    )
    headers_timeout_seconds: float = setting(
        "HEADRACE_HEADERS_TIMEOUT_SECONDS",
        default=10,
        gt=0,
        description="Time within which the headers of a request must arrive, in seconds.",
    )
    anonymous_body_timeout_seconds: float = setting(
        "HEADRACE_ANONYMOUS_BODY_TIMEOUT_SECONDS",
        default=15,
        gt=0,
        description="Time within which the body of a request without valid credentials must arrive, in seconds.",
    )
    stall_timeout_seconds: float = setting(
        "HEADRACE_STALL_TIMEOUT_SECONDS",
        default=30,
        gt=0,
        description="Time after which a connection is closed that transfers less than 1,000 bytes per second of a body "
        "or a response, in seconds.",
    )
    keep_alive_seconds: int = setting(
        "HEADRACE_KEEP_ALIVE_SECONDS",
        default=75,
        ge=1,
        description="Time after which a connection without a request is closed, in seconds. Set it above the idle time "
        "of the load balancer or reverse proxy in front of the server (60 s in nginx and in Amazon's load balancers); "
        "otherwise a request can arrive at a connection that is being closed.",
    )
    max_connections_per_address: int = setting(
        "HEADRACE_MAX_CONNECTIONS_PER_ADDRESS",
        default=500,
        ge=1,
        description="Maximum number of connections to a server process from one client address (IPv6: from one /64 "
        "network). Does not apply to trusted proxies.",
    )
    trusted_proxies: StringList = setting(
        "HEADRACE_TRUSTED_PROXIES",
        default=[],
        description="Addresses and networks of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` headers "
        "state a request's client address and scheme. By default, these headers are ignored.",
    )

    @field_validator("root_path")
    @classmethod
    def _check_root_path(cls, value: str) -> str:
        path = value.rstrip("/")
        if path and not ROOT_PATH.fullmatch(path):
            raise ValueError("must be a path of letters, digits and -._~ that starts with a slash, such as /flows")
        if path.split("/", 2)[1:2] and path.split("/", 2)[1] in API_SEGMENTS:
            raise ValueError("must not begin with a path of the API, because a proxy may remove the prefix or not")
        return path

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("must be a URL such as https://host, without a query")
        return value.rstrip("/") if value else None

    @field_validator("trusted_proxies")
    @classmethod
    def _check_networks(cls, value: list[str]) -> list[str]:
        for proxy in value:
            try:
                ipaddress.ip_network(proxy)
            except ValueError as error:
                raise ValueError(f"{proxy!r} is not an IP address or network such as 10.0.0.0/8") from error
        return value

    @field_validator("cors_origins")
    @classmethod
    def _check_wildcard(cls, value: list[str]) -> list[str]:
        if "*" in value and len(value) > 1:
            raise ValueError("* cannot be combined with other origins")
        return value

    @property
    def is_loopback(self) -> bool:
        """Return whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
