"""The command `headrace run`."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import webbrowser
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.cli.graceful_stop import FLUSH_SECONDS, GracefulStop
from headrace.cli.inherited_files import make_files_private
from headrace.cli.listening import BACKLOG, base_url, open_sockets
from headrace.cli.options import EnvFile, read_settings
from headrace.errors import HeadraceError
from headrace.logs.configuration import configure_logging
from headrace.settings import load_settings, validate_bind_address
from headrace.settings.environment_names import unused_variable_warnings

if TYPE_CHECKING:
    import socket

    import uvicorn
    from fastapi import FastAPI

    from headrace.api.dependencies import Services
    from headrace.settings import ServerSettings, Settings

log = logging.getLogger(__name__)


def run(
    host: Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [7860].")] = None,
    workers: Annotated[int | None, typer.Option(help="Number of server processes [1].")] = None,
    env_file: EnvFile = None,
    log_level: Annotated[
        str | None, typer.Option(help="Minimum level of log lines: debug, info, warning, error or critical [info].")
    ] = None,
    root_path: Annotated[
        str | None, typer.Option(help="Path under which a reverse proxy serves this server, such as /flows [none].")
    ] = None,
    *,
    backend_only: Annotated[
        bool | None, typer.Option("--backend-only/--no-backend-only", help="Serve only the API, without a front end.")
    ] = None,
    open_browser: Annotated[
        bool | None, typer.Option("--open-browser/--no-open-browser", help="Open a browser at start.")
    ] = None,
) -> None:
    """Start the server."""
    make_files_private()
    settings = read_settings(
        env_file,
        LANGFLOW_HOST=host,
        LANGFLOW_PORT=port,
        LANGFLOW_WORKERS=workers,
        LANGFLOW_LOG_LEVEL=log_level,
        LANGFLOW_ROOT_PATH=root_path,
        LANGFLOW_BACKEND_ONLY=backend_only,
        LANGFLOW_OPEN_BROWSER=open_browser,
    )
    validate_bind_address(settings)
    configure_logging(settings.logging)
    for warning in unused_variable_warnings(os.environ):
        log.warning("%s", warning)
    try:
        sockets = open_sockets(settings.server)
        if settings.server.workers > 1:
            _run_workers(settings, sockets)
        else:
            _run_single(settings, sockets)
    except HeadraceError as error:
        # As a line of the log, so that a collector of JSON lines finds it.
        log.critical("%s", error.message)
        raise typer.Exit(1) from error


def create_worker_app() -> FastAPI:
    """Return the application of one of several server processes, with its log configured."""
    make_files_private()
    settings = load_settings()
    configure_logging(settings.logging)
    # Python would wait for blocked threads after SIGINT.
    return _create_app(settings, last_signal=signal.SIGTERM)


def _create_app(settings: Settings, last_signal: signal.Signals | None = None) -> FastAPI:
    from headrace.app import create_app

    def stop_gracefully(services: Services) -> None:
        GracefulStop(services, last_signal=last_signal).install()

    return create_app(settings, on_start=stop_gracefully)


def _run_workers(settings: Settings, sockets: list[socket.socket]) -> None:
    import uvicorn

    from headrace.cli.supervisor import Supervisor

    # Prepare the database before the workers start, because they would all do it at the same time.
    asyncio.run(_prepare_database(settings))
    workers = settings.server.workers
    config = uvicorn.Config(
        "headrace.cli.run:create_worker_app", factory=True, workers=workers, **_uvicorn_options(settings)
    )
    supervisor = Supervisor(config, sockets)
    supervisor.announcement = f"headrace listens on {base_url(settings.server, sockets)} with {workers} workers"
    supervisor.run()
    if supervisor.has_failed:
        raise typer.Exit(1)


def _run_single(settings: Settings, sockets: list[socket.socket]) -> None:
    # Imports create few garbage objects, so garbage collection during imports only slows the start down, by about 10 %.
    gc.disable()
    import uvicorn

    config = uvicorn.Config(_create_app(settings), **_uvicorn_options(settings))
    gc.enable()
    server = _create_server(config, settings.server, sockets)
    # uvicorn ends the process with the signal that it received. Python's own reaction to SIGINT would wait for blocked threads.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        server.run(sockets)
    except SystemExit as error:
        # uvicorn's status of a failed start; the application has logged the cause.
        raise typer.Exit(1) from error


async def _prepare_database(settings: Settings) -> None:
    from headrace.lifespan import prepare_database

    await prepare_database(settings)


def _uvicorn_options(settings: Settings) -> dict[str, Any]:
    return {
        "host": settings.server.host,
        "port": settings.server.port,
        "backlog": BACKLOG,
        "log_config": None,
        # The server writes its own lines, see `logs/access_log.py`.
        "access_log": False,
        "server_header": False,
        # The runs have ended before uvicorn learns of the signal.
        "timeout_graceful_shutdown": FLUSH_SECONDS,
        "timeout_keep_alive": settings.server.keep_alive_seconds,
        # uvicorn's default is the environment's, and otherwise to trust every proxy on this machine.
        "proxy_headers": bool(settings.server.trusted_proxies),
        "forwarded_allow_ips": settings.server.trusted_proxies,
        "http": _http_protocol(settings.server),
    }


def _http_protocol(settings: ServerSettings) -> Any:
    """Return uvicorn's factory of connections, in a form that it can pass to its processes."""
    if sys.platform == "win32":
        # httptools is not installed there.
        return "auto"
    from headrace.api.http.connection_limits import ConnectionLimits, create_http_protocol

    return partial(create_http_protocol, limits=ConnectionLimits.from_settings(settings))


def _create_server(config: uvicorn.Config, settings: ServerSettings, listening: list[socket.socket]) -> uvicorn.Server:
    import uvicorn

    class AnnouncingServer(uvicorn.Server):
        """A server that prints its URL once it accepts connections."""

        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started and not self.should_exit:
                url = base_url(settings, listening)
                typer.echo(f"headrace listens on {url} (API: {url}/docs)")
                if settings.open_browser:
                    webbrowser.open(f"{url}/docs")

    return AnnouncingServer(config)
