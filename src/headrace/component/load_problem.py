"""`LoadProblem`: the reason why a component file, or a part of it, does not work, with its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headrace.errors import HeadraceError


@dataclass(frozen=True, slots=True)
class LoadProblem:
    """A problem with a component file or folder."""

    path: Path
    #: None for a problem with the file as a whole.
    line: int | None
    message: str

    def __str__(self) -> str:
        """Return the problem as `path:line: message`, which editors link to the place."""
        return f"{self.path}{'' if self.line is None else f':{self.line}'}: {self.message}"


class ComponentFileError(HeadraceError):
    """A component file cannot be used. The message names each problem with its line."""

    def __init__(self, problems: list[LoadProblem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
