"""The commands `headrace approvals`."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.options import EnvFile, open_database, read_settings
from headrace.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from headrace.services.approvals import ApprovalService
    from headrace.settings import Settings

app = typer.Typer(
    help="List, give and revoke approvals of custom code.", invoke_without_command=True, rich_markup_mode=None
)

_DIGEST = re.compile("[0-9a-f]{64}")

Code = Annotated[
    list[str],
    typer.Argument(help="SHA-256 digest, Python file with the code, or flow file that contains it.", metavar="CODE..."),
]


@app.callback()
def approvals(
    context: typer.Context,
    revoke: Annotated[str | None, typer.Option(help="Same as: headrace approvals revoke.", hidden=True)] = None,
    env_file: EnvFile = None,
) -> None:
    """List the approved code, or run a command."""
    if context.invoked_subcommand is None:
        _print(_revoke(read_settings(env_file), [revoke]) if revoke else _list(read_settings(env_file)))


@app.command("list")
def list_approvals(env_file: EnvFile = None) -> None:
    """List the approved code: digest, date, approver, method and name."""
    _print(_list(read_settings(env_file)))


@app.command("approve")
def approve(code: Code, env_file: EnvFile = None) -> None:
    """Approve code for the flows of all users. Read it first."""
    _print(_approve(read_settings(env_file), code))


@app.command("revoke")
def revoke(code: Code, env_file: EnvFile = None) -> None:
    """Revoke the approval of code. Runs that start later do not use it."""
    _print(_revoke(read_settings(env_file), code))


def _print(lines: AsyncIterator[str]) -> None:
    async def run() -> None:
        async for line in lines:
            typer.echo(line)

    asyncio.run(run())


async def _list(settings: Settings) -> AsyncIterator[str]:
    async with _open_approvals(settings) as service:
        for r in await service.list_approvals():
            approver = r["username"] or "-"
            yield f"{r['digest']}  {r['approved_at']:%Y-%m-%d}  {approver}  {r['method']}  {r['name'] or '-'}"


async def _approve(settings: Settings, arguments: list[str]) -> AsyncIterator[str]:
    names = _read_code(arguments, settings.server.max_request_bytes)
    async with _open_approvals(settings) as service:
        await service.approve_as_operator(names)
    for digest, name in names.items():
        yield f"Approved {digest}  {name}".rstrip()


async def _revoke(settings: Settings, arguments: list[str]) -> AsyncIterator[str]:
    async with _open_approvals(settings) as service:
        for digest in _read_code(arguments, settings.server.max_request_bytes):
            await service.revoke_approval(digest)
            yield f"The approval of {digest} is revoked."


@asynccontextmanager
async def _open_approvals(settings: Settings) -> AsyncIterator[ApprovalService]:
    import headrace.components
    from headrace.component.registry import Registry
    from headrace.custom_code.approval import ApprovalPolicy
    from headrace.services.approvals import ApprovalService

    async with open_database(settings) as database:
        policy = ApprovalPolicy(database, settings.code.approval_policy)
        yield ApprovalService(database, policy, Registry.from_package(headrace.components))


def _read_code(arguments: list[str], max_request_bytes: int) -> dict[str, str]:
    """Return the name of the component for each digest that the arguments name or contain, empty if it is not known.

    Raises:
        SettingsError: An argument is neither a digest nor a file with custom code.

    """
    names: dict[str, str] = {}
    for argument in arguments:
        if _DIGEST.fullmatch(argument):
            names.setdefault(argument, "")
        elif Path(argument).is_file():
            names |= _read_file(Path(argument), max_request_bytes)
        else:
            raise SettingsError(f"{argument} is neither a SHA-256 digest (64 hexadecimal digits) nor a file.")
    return names


def _read_file(path: Path, max_request_bytes: int) -> dict[str, str]:
    from fastapi.exceptions import RequestValidationError

    import headrace.components
    from headrace.api.http.flow_archive import parse_flow_archive
    from headrace.component.registry import Registry
    from headrace.custom_code.approval import compute_digest
    from headrace.custom_code.custom_nodes import find_custom_nodes_in_data
    from headrace.limits.byte_budget import NO_RUN

    content = path.read_bytes()
    if path.suffix == ".py":
        # Not `read_text`, which changes line ends and thereby the digest.
        return {compute_digest(content.decode()): path.stem}
    try:
        flows = parse_flow_archive(content, max_request_bytes, NO_RUN).flows
    except RequestValidationError as error:
        raise SettingsError(f"{path} is neither a Python file (.py) nor a flow file.") from error
    registry = Registry.from_package(headrace.components)
    nodes = [node for flow in flows for node in find_custom_nodes_in_data(flow.data, registry)]
    if not nodes:
        raise SettingsError(f"The flows in {path} contain no custom code, so there is nothing to approve.")
    return {compute_digest(node.code or ""): node.display_name for node in nodes}
