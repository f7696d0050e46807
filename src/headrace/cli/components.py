"""The commands `headrace components`, for authors of components."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.options import EnvFile, read_settings
from headrace.settings import SettingsError

if TYPE_CHECKING:
    from headrace.component.folder_component import FolderComponent
    from headrace.component.load_problem import LoadProblem

app = typer.Typer(help="Write, watch and check component files.", no_args_is_help=True)

#: The folder of new components if LANGFLOW_COMPONENTS_PATH is not set.
DEFAULT_FOLDER = Path("components")


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help='The name of the component, such as "Word Count".')],
    folder: Annotated[
        Path | None,
        typer.Option(help="Component folder. Default: the first one of LANGFLOW_COMPONENTS_PATH, or components."),
    ] = None,
    category: Annotated[str, typer.Option(help="Category in the editor: the subfolder of the new file.")] = "custom",
    env_file: EnvFile = None,
) -> None:
    """Write a component file to start from, and a test next to it."""
    from headrace.cli.component_template import write_component

    if folder is None:
        folder = next(iter(read_settings(env_file).code.components_path), DEFAULT_FOLDER)
    source, test = write_component(folder.expanduser(), category, name)
    typer.echo(f"Wrote {source}\nWrote {test}\n")
    typer.echo(f"See its node and errors while you edit it:  headrace components dev {source}")
    typer.echo(f"Run its test:                              pytest {test}")
    typer.echo(f"Add it to a server:                        LANGFLOW_COMPONENTS_PATH={folder} headrace run")


@app.command("dev")
def dev(
    file: Annotated[Path, typer.Argument(help="Component file.")],
    env_file: EnvFile = None,
) -> None:
    """Show the node of a component and its errors, again after each change of the file. Ctrl+C stops."""
    from headrace.cli.component_watch import watch_component

    seconds = read_settings(env_file).code.component_load_seconds
    try:
        for text in watch_component(file, seconds):
            typer.echo(text)
            sys.stdout.flush()
    except KeyboardInterrupt:
        typer.echo()


@app.command("check")
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Component files and folders. Default: LANGFLOW_COMPONENTS_PATH.", metavar="PATH..."),
    ] = None,
    env_file: EnvFile = None,
) -> None:
    """Load component files and list their errors with path and line. Exits with status 1 if there are any."""
    settings = read_settings(env_file).code
    paths = paths or settings.components_path
    if not paths:
        raise SettingsError("There is nothing to check. Name a file or folder, or set LANGFLOW_COMPONENTS_PATH.")
    components, problems = _load(paths, settings.component_load_seconds)
    for problem in problems:
        typer.echo(str(problem))
    typer.echo(f"{_count(len(components), 'component')}, {_count(len(problems), 'error')}")
    if problems:
        raise typer.Exit(1)


def _load(paths: list[Path], seconds: float) -> tuple[list[FolderComponent], list[LoadProblem]]:
    from headrace.compat.component_file import load_component_file
    from headrace.compat.component_folders import load_folders
    from headrace.component.load_problem import ComponentFileError

    files = [path for path in paths if path.suffix == ".py" and not path.is_dir()]
    components, problems = load_folders([path for path in paths if path not in files], seconds)
    for file in files:
        try:
            components.append(load_component_file(file, seconds))
        except ComponentFileError as error:
            problems += error.problems
    return components, problems


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
