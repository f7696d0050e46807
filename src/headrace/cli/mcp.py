"""The command `headrace mcp`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from headrace.cli.exec_flow import load_flow
from headrace.cli.options import EnvFile, read_settings

if TYPE_CHECKING:
    from headrace.services.mcp_flow_files import FlowFile
    from headrace.settings import Settings

#: The owner of everything that one process serves to its only client.
_LOCAL_OWNER = UUID(int=0)


def serve_flow_files(
    flows: Annotated[list[Path], typer.Argument(help="Flow files as JSON, or flows written in Python (.py).")],
    env_file: EnvFile = None,
) -> None:
    """Serve flow files as tools to an MCP client over standard input and output, without a server. Flows written in Python run with your own permissions."""
    settings = read_settings(env_file)
    from headrace.services.mcp_flow_files import FlowFile

    files = []
    for path in flows:
        content, python_parts = load_flow(path)
        files.append(FlowFile(path.stem, content, python_parts))
    asyncio.run(_serve(settings, files))


async def _serve(settings: Settings, files: list[FlowFile]) -> None:
    from mcp.server.stdio import stdio_server

    import headrace.components
    from headrace import __version__
    from headrace.compat.component_folders import ComponentFolders
    from headrace.component.registry import Registry
    from headrace.mcp.flow_server import FlowServer
    from headrace.mcp.provider import Caller
    from headrace.runs.resources import RunResources
    from headrace.services.mcp_flow_files import FlowFilesProvider

    registry = Registry.from_package(headrace.components)
    resources = RunResources.from_settings(settings)
    # From here on, prints of components go to standard error.
    async with stdio_server() as (incoming, outgoing):
        try:
            await ComponentFolders(settings.code.components_path, registry, lambda: None).reload()
            provider = FlowFilesProvider(files, registry, resources, strict_tweaks=settings.runs.tweaks == "strict")
            server = FlowServer(provider, __version__, lambda _context: Caller(_LOCAL_OWNER))
            await server.run(incoming, outgoing, server.create_initialization_options())
        finally:
            await resources.close()
