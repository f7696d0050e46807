"""What a caller asks of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

InputType = Literal["chat", "text", "any"]
OutputType = Literal["chat", "text", "any", "debug"]


#: Where a run comes from: a program's request, an editor's build, a job that nobody waits for, or a stranger: at a public link, or
#: at a webhook that anybody may call.
Origin = Literal["api", "editor", "job", "public"]

#: In a job's request: whether somebody began it of whom nothing is known.
STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run: what goes in, which answers are wanted, and what this run changes in the flow's fields."""

    input_value: str | None = None
    input_type: InputType = "chat"
    output_type: OutputType = "chat"
    #: Ids or display names of the inputs that take it; empty for all of the type.
    input_components: tuple[str, ...] = ()
    #: Ids or display names of the vertices whose outputs are wanted; empty for all of the type.
    output_components: tuple[str, ...] = ()
    session_id: str | None = None
    tweaks: Mapping[str, Any] = field(default_factory=dict)
    #: Paths of files that go to the chat's input.
    files: tuple[str, ...] = ()
    #: Variables by name that hold for this run alone, before the owner's.
    variables: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False
    origin: Origin = "api"
    #: The id under which the monitor shows what the vertices gave; None where nobody wants that kept.
    keep_as: UUID | None = None
