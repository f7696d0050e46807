"""What an MCP server offers: tools, resources and prompts, without the protocol.

The protocol is in `flow_server`. `services` implements `McpProvider` for stored flows, and `cli` for flow files.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Caller:
    """The user as whom a client acts.

    Attributes:
        owner: the id of the user.
        project_id: the project to which the client is limited; None for all projects.
        session_id: the id of the MCP session; None for a request without one.

    """

    owner: UUID
    project_id: UUID | None = None
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool as a list shows it. The schemas are JSON Schema objects."""

    name: str
    title: str
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """The result of a tool call: texts, and the same as JSON; or the error of the tool as a text."""

    texts: Sequence[str]
    structured: dict[str, Any] | None = None
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class ResourceDefinition:
    """A file as a list shows it, with its size in bytes."""

    uri: str
    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class PromptDefinition:
    """A prompt as a list shows it. The arguments are names, and whether each is required."""

    name: str
    title: str
    description: str
    arguments: Mapping[str, bool] = field(default_factory=dict)


class UnknownItemError(Exception):
    """No tool, resource or prompt has this name or URI, or an argument is missing."""


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """The progress of a tool call: the number of components that have ended, of all, and the name of the last."""

    done: int
    total: int
    message: str


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """The next chunk of a message that a model writes."""

    chunk: str
    message_id: str


#: Sends an event of a tool call to the client that waits for its result.
Report = Callable[[ProgressEvent | TokenEvent], Awaitable[None]]


class McpProvider(Protocol):
    """The tools, resources and prompts of each caller."""

    async def list_tools(self, caller: Caller) -> Sequence[ToolDefinition]:
        """Return the tools of a caller."""

    async def call_tool(
        self, caller: Caller, name: str, arguments: Mapping[str, Any], report: Report | None
    ) -> ToolAnswer:
        """Call a tool. An error of the tool itself is a `ToolAnswer`.

        Args:
            caller: the user as whom the client acts.
            name: the name of the tool.
            arguments: the arguments, which are not validated yet.
            report: receives the progress; None if the client does not want it.

        Raises:
            UnknownItemError: The caller has no such tool.

        """

    async def list_resources(self, caller: Caller) -> Sequence[ResourceDefinition]:
        """Return the resources of a caller."""

    async def read_resource(self, caller: Caller, uri: str) -> tuple[ResourceDefinition, bytes]:
        """Return a resource and its bytes.

        Raises:
            UnknownItemError: The caller has no such resource.

        """

    async def list_prompts(self, caller: Caller) -> Sequence[PromptDefinition]:
        """Return the prompts of a caller."""

    async def get_prompt(self, caller: Caller, name: str, arguments: Mapping[str, str]) -> str:
        """Return the text of a prompt.

        Raises:
            UnknownItemError: The caller has no such prompt, or an argument is missing.

        """
