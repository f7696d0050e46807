"""The command line: run, exec, migrate, superuser, api-key."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import webbrowser
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace import __version__
from headrace.errors import HeadraceError
from headrace.settings import Settings, SettingsError, check_exposure, load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import uvicorn
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.store.store import Store

app = typer.Typer(
    help="headrace: runs LLM flows and speaks the Langflow 1.7 API.", no_args_is_help=True, add_completion=False
)

EnvFile = Annotated[
    Path | None, typer.Option(help="A file of settings, NAME=value a line. The environment wins over it.")
]


class OutputFormat(StrEnum):
    """How `exec` prints its answer."""

    TEXT = "text"
    JSON = "json"


def _settings(env_file: Path | None, **given: object) -> Settings:
    """Return the settings; what the command line gives wins over the environment, that over the file.

    All of it lands in the environment, where worker processes and model providers' settings are read from.
    """
    if env_file is not None:
        from dotenv import dotenv_values

        if not env_file.is_file():
            raise SettingsError(f"There is no env file {env_file}.")
        for name, value in dotenv_values(env_file).items():
            os.environ.setdefault(name, value or "")
    os.environ.update({name: str(value) for name, value in given.items() if value is not None})
    return load_settings()


@app.callback(invoke_without_command=True)
def _root(*, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(f"headrace {__version__}")
        raise typer.Exit


@app.command()
def run(
    host: Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [7860].")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes [1].")] = None,
    env_file: EnvFile = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning, error or critical [critical].")] = None,
    *,
    backend_only: Annotated[
        bool | None, typer.Option("--backend-only/--no-backend-only", help="Serve the API alone.")
    ] = None,
    open_browser: Annotated[
        bool | None, typer.Option("--open-browser/--no-open-browser", help="Open a browser at start.")
    ] = None,
) -> None:
    """Start the server."""
    settings = _settings(
        env_file,
        LANGFLOW_HOST=host,
        LANGFLOW_PORT=port,
        LANGFLOW_WORKERS=workers,
        LANGFLOW_LOG_LEVEL=log_level,
        LANGFLOW_BACKEND_ONLY=backend_only,
        LANGFLOW_OPEN_BROWSER=open_browser,
    )
    check_exposure(settings)
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s: %(message)s", stream=sys.stderr)
    import uvicorn

    address = f"http://{'[' + settings.host + ']' if ':' in settings.host else settings.host}:{settings.port}"
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "log_level": settings.log_level,
        "access_log": settings.log_level in {"debug", "info"},
        "server_header": False,
        "timeout_graceful_shutdown": 10,
        "log_config": None,
    }
    if settings.workers > 1:
        # One process prepares the database; workers that start together would do it at once.
        asyncio.run(_prepare(settings))
        typer.echo(f"headrace listens on {address} with {settings.workers} workers")
        uvicorn.run("headrace.app:create_app", factory=True, workers=settings.workers, **options)
        return
    from headrace.app import create_app

    server = _announcing(uvicorn.Config(create_app(settings), **options), address, open_browser=settings.open_browser)
    server.run()
    if not server.started:
        raise typer.Exit(1)


async def _prepare(settings: Settings) -> None:
    from headrace.app import running

    async with running(settings):
        pass


def _announcing(config: uvicorn.Config, address: str, *, open_browser: bool) -> uvicorn.Server:
    import uvicorn

    class Announcing(uvicorn.Server):
        """A server that says where it is once it is there."""

        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started and not self.should_exit:
                typer.echo(f"headrace listens on {address} (API: {address}/docs)")
                if open_browser:
                    webbrowser.open(f"{address}/docs")

    return Announcing(config)


@app.command("exec")
def exec_flow(
    flow: Annotated[Path, typer.Argument(help="A flow file, or a flow in Python (.py).")],
    input_value: Annotated[str, typer.Option(help="What is said to the flow.")] = "",
    output_format: Annotated[OutputFormat, typer.Option(help="The answer's text, or all of it.")] = OutputFormat.TEXT,
    tweaks: Annotated[str, typer.Option(help="Field values for this run, as JSON.")] = "{}",
    env_file: EnvFile = None,
) -> None:
    """Run a flow file without a server. A flow in Python is run as your own code."""
    settings = _settings(env_file)
    changes = _json(tweaks, "--tweaks")
    if not isinstance(changes, dict):
        raise SettingsError("--tweaks must be a JSON object.")
    if flow.suffix == ".py":
        from headrace.runs.python_flow import graph_of_source

        graph = graph_of_source(_read(flow), str(flow))
        drawing, written = graph.dump(), {"own": graph.classes(), "values": graph.values()}
    else:
        drawing, written = _json(_read(flow), f"The flow file {flow}"), {}
    answer = asyncio.run(_exec(settings, drawing, input_value, changes, written))
    if output_format is OutputFormat.JSON:
        typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    for result in answer["outputs"][0]["outputs"]:
        for output in result["outputs"].values():
            typer.echo(
                output["message"]
                if isinstance(output["message"], str)
                else json.dumps(output["message"], ensure_ascii=False)
            )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The flow file {path} cannot be read: {error}") from error


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{what} is not JSON: {error}") from error


async def _exec(
    settings: Settings, data: object, input_value: str, tweaks: dict[str, Any], written: dict[str, Any]
) -> dict[str, Any]:
    import headrace.components
    from headrace.compat.folders import ComponentFolders
    from headrace.component.registry import Registry
    from headrace.runs.request import RunRequest
    from headrace.runs.standalone import run_file
    from headrace.runs.surroundings import Surroundings

    around = Surroundings.of(settings)
    registry = Registry.of_package(headrace.components)
    await ComponentFolders(settings.components_path, registry, lambda: None).look()
    try:
        request = RunRequest(input_value=input_value or None, input_type="any", output_type="any", tweaks=tweaks)
        return await run_file(data, request, registry=registry, around=around, **written)
    finally:
        await around.close()


@app.command()
def migrate(env_file: EnvFile = None) -> None:
    """Bring the database up to this version's tables."""
    from headrace.store.engine import open_engine
    from headrace.store.migrate import migrate_blocking

    migrate_blocking(open_engine(_settings(env_file)))
    typer.echo("The database is up to date.")


@app.command()
def superuser(
    username: Annotated[str, typer.Option(prompt=True, help="The superuser's name.")],
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="The password.")
    ],
    env_file: EnvFile = None,
) -> None:
    """Create a superuser, or give an existing user a new password and these rights."""
    settings = _settings(env_file)
    if not settings.enable_superuser_cli:
        raise SettingsError(
            "LANGFLOW_ENABLE_SUPERUSER_CLI is false: superusers are not made on this machine's command line."
        )
    if not username or not password:
        raise SettingsError("A superuser needs a name and a password.")
    asyncio.run(_superuser(settings, username, password))
    typer.echo(f"{username} is a superuser.")


async def _superuser(settings: Settings, username: str, password: str) -> None:
    import headrace.components
    from headrace.auth.passwords import hash_password
    from headrace.component.registry import Registry
    from headrace.starter.library import Starters
    from headrace.starter.welcome import welcome
    from headrace.store import users

    hashed = hash_password(password)
    starters = Starters(Registry.of_package(headrace.components)) if settings.create_starter_projects else None

    async def make(connection: AsyncConnection) -> None:
        row = await users.by_name(connection, username)
        if row is not None:
            await users.change(connection, row["id"], password=hashed, is_superuser=True, is_active=True)
            return
        owner = await users.add(connection, username, hashed, is_superuser=True, is_active=True)
        await welcome(connection, owner, starters)

    async with _open_store(settings) as store:
        await store.write(make)


@asynccontextmanager
async def _open_store(settings: Settings) -> AsyncIterator[Store]:
    from headrace.store.store import Store

    store = Store(settings)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@app.command("api-key")
def api_key(
    username: Annotated[str | None, typer.Option(help="Whose key [the first superuser].")] = None,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "command line",
    days: Annotated[int | None, typer.Option(min=1, max=36500, help="How long it is good [for ever].")] = None,
    env_file: EnvFile = None,
) -> None:
    """Make an API key for a user and print it. It is shown this once."""
    settings = _settings(env_file)
    typer.echo(asyncio.run(_api_key(settings, username or settings.superuser, name, days)))


async def _api_key(settings: Settings, username: str, name: str, days: int | None) -> str:
    from headrace.auth import keys
    from headrace.store import api_keys, users

    key = keys.new_key()
    until = datetime.now(UTC) + timedelta(days=days) if days is not None else None

    async def make(connection: AsyncConnection) -> None:
        user = await users.by_name(connection, username)
        if user is None:
            raise SettingsError(f"There is no user {username!r}. Start the server once, or run: headrace superuser")
        await api_keys.add(connection, user["id"], name, keys.prefix(key), keys.digest(key), until)

    async with _open_store(settings) as store:
        await store.write(make)
    return key


@app.command("approvals")
def list_or_revoke(
    revoke: Annotated[str | None, typer.Option(help="The digest of a code that is to run no more.")] = None,
    env_file: EnvFile = None,
) -> None:
    """List the codes of people that may run, or take an approval back."""
    for line in asyncio.run(_approvals(_settings(env_file), revoke)):
        typer.echo(line)


async def _approvals(settings: Settings, revoke: str | None) -> list[str]:
    from headrace.store import approvals

    async with _open_store(settings) as store:
        if revoke is not None:
            if not await store.write(lambda c: approvals.remove(c, revoke)):
                raise SettingsError(f"No code with the digest {revoke!r} is approved.")
            return [f"{revoke} runs no more."]
        async with store.reading() as connection:
            rows = await approvals.listed(connection)
    return [f"{r['digest']}  {r['approved_at']:%Y-%m-%d}  {r['username'] or '-'}  {r['name']}" for r in rows]


def main() -> None:
    """Run the command line; an error of ours is one clear line and status 1."""
    try:
        app()
    except HeadraceError as error:
        typer.secho(error.message, err=True, fg="red")
        sys.exit(1)
