"""The command `headrace exec`."""

from __future__ import annotations

import asyncio
import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.cli.options import EnvFile, read_settings
from headrace.settings import SettingsError

if TYPE_CHECKING:
    from headrace.settings import Settings


class OutputFormat(StrEnum):
    """How `exec` prints the result of a run."""

    TEXT = "text"
    JSON = "json"


def exec_flow(
    flow: Annotated[Path, typer.Argument(help="Flow file as JSON, or a flow written in Python (.py).")],
    input_value: Annotated[str, typer.Option(help="Input of the flow, such as the chat message.")] = "",
    output_format: Annotated[
        OutputFormat, typer.Option(help="Print the text of the outputs, or the complete result as JSON.")
    ] = OutputFormat.TEXT,
    tweaks: Annotated[str, typer.Option(help="Field values for this run, as a JSON object.")] = "{}",
    env_file: EnvFile = None,
) -> None:
    """Run a flow file without a server. A flow written in Python runs with your own permissions."""
    settings = read_settings(env_file)
    tweak_values = _parse_json(tweaks, "--tweaks")
    if not isinstance(tweak_values, dict):
        raise SettingsError('The value of --tweaks must be a JSON object, such as {"Prompt": {"template": "Hi"}}.')
    data, python_parts = load_flow(flow)
    from headrace.graph.errors import RunError

    try:
        result = asyncio.run(_run_flow(settings, data, input_value, tweak_values, python_parts))
    except RunError as error:
        if error.traceback is not None:
            typer.echo(error.traceback, err=True)
        raise
    if output_format is OutputFormat.JSON:
        typer.echo(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        _print_messages(result)


def load_flow(path: Path) -> tuple[Any, dict[str, Any]]:
    """Return the flow's data, and the component classes and field values of a flow written in Python."""
    text = _read_text(path)
    if path.suffix != ".py":
        return _parse_json(text, f"The flow file {path}"), {}
    from headrace.runs.python_flow import load_graph

    graph = load_graph(text, str(path))
    return graph.dump(), {"classes": graph.classes(), "field_values": graph.values()}


def _print_messages(result: dict[str, Any]) -> None:
    for vertex in result["outputs"][0]["outputs"]:
        for output in vertex["outputs"].values():
            message = output["message"]
            typer.echo(message if isinstance(message, str) else json.dumps(message, ensure_ascii=False))


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The flow file {path} cannot be read: {error}") from error


def _parse_json(text: str, source: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{source} is not valid JSON: {error}") from error


async def _run_flow(
    settings: Settings, data: object, input_value: str, tweaks: dict[str, Any], python_parts: dict[str, Any]
) -> dict[str, Any]:
    import headrace.components
    from headrace.compat.component_folders import ComponentFolders
    from headrace.component.registry import Registry
    from headrace.formats.langflow import answer_json
    from headrace.runs.local import run_flow_file
    from headrace.runs.request import RunRequest
    from headrace.runs.resources import RunResources

    resources = RunResources.from_settings(settings)
    registry = Registry.from_package(headrace.components)
    await ComponentFolders(settings.code.components_path, registry, lambda: None).reload()
    try:
        request = RunRequest(input_value=input_value or None, input_type="any", output_type="any", tweaks=tweaks)
        result = await run_flow_file(
            data,
            request,
            registry=registry,
            resources=resources,
            strict_tweaks=settings.runs.tweaks == "strict",
            **python_parts,
        )
        return answer_json(result)
    finally:
        await resources.close()
