"""The request of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from headrace.models.request_options import ModelOptions

InputType = Literal["chat", "text", "any"]
OutputType = Literal["chat", "text", "any", "debug"]

#: The kind of a run: an API request, an editor's build, a background job, or an anonymous request for a public flow or
#: an open webhook.
Origin = Literal["api", "editor", "job", "public"]

#: The key in a stored job's request for whether its caller was anonymous. Jobs of earlier versions have it too.
ANONYMOUS = "stranger"
#: The key in a stored job's request for the network address of its anonymous caller.
VISITOR = "visitor"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run's input, the requested outputs, and overrides of the flow's fields."""

    input_value: str | None = None
    input_type: InputType = "chat"
    output_type: OutputType = "chat"
    #: Ids or display names of the input components that receive the value; empty for all of the type.
    input_components: tuple[str, ...] = ()
    #: Ids or display names of the vertices whose outputs answer the request; empty for all of the type.
    output_components: tuple[str, ...] = ()
    session_id: str | None = None
    tweaks: Mapping[str, Any] = field(default_factory=dict)
    #: Paths of stored files for the chat input.
    files: tuple[str, ...] = ()
    #: Variables of this run by name. They take precedence over the owner's.
    variables: Mapping[str, str] = field(default_factory=dict)
    #: Whether the run has a consumer of its tokens, so that every model streams.
    stream: bool = False
    #: What the caller asks of the model that writes the answer; None for a caller that knows nothing of models.
    model_options: ModelOptions | None = None
    #: The size of the earlier messages in the options, which the run holds.
    history_bytes: int = 0
    origin: Origin = "api"
    #: The network address of an anonymous caller, whose runs have a share of their own of the owner's; empty for others.
    visitor: str = ""
    #: The id under which the monitor shows the results of the vertices; None to store none.
    record_id: UUID | None = None
