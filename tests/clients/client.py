"""A client that the tests run against a server, and the capabilities that clients can have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Runtime(StrEnum):
    """The environment of a client."""

    #: The Python of the tests.
    PYTHON = "python"
    #: The environment `.venv-clients`, because the versions of its packages are not those of headrace.
    CLIENTS = "clients"
    NODE = "node"
    CURL = "curl"


@dataclass(frozen=True, slots=True)
class Client:
    """A client, or one of its interfaces.

    Attributes:
        id: a short name.
        name: the name as Markdown.
        script: the file in `scripts/` that uses all capabilities.
        part: the part of the script's report.
        runtime: the environment of the script.
        packages: the packages that an application installs.
        capabilities: the names of the client's own functions or errors, as Markdown, by capability.
        missing: reasons, by capability that the client lacks.

    """

    id: str
    name: str
    script: str
    part: str
    runtime: Runtime
    packages: tuple[str, ...]
    capabilities: Mapping[str, str]
    missing: Mapping[str, str] = field(default_factory=dict)


#: The titles of the capabilities of clients of the OpenAI API.
OPENAI_CAPABILITIES = {
    "models": "list of models",
    "chat": "answer",
    "stream": "streaming",
    "tools": "tool calls",
    "stream_tools": "tool calls, streamed",
    "agent_tools": "agent with tools",
    "structured": "structured output",
    "image_openai": "image to *OpenAI*",
    "image_language_model": "image to *Language Model*",
    "image_agent": "image to *Agent*",
    "conversation": "conversation",
    "wrong_key": "error: wrong key",
    "unknown_model": "error: unknown model",
    "failed_run": "error: failed run",
    "failed_stream": "error: broken stream",
}
#: The capabilities of which the matrix says how the client reports an error.
ERRORS = ("wrong_key", "unknown_model", "failed_run", "failed_stream")
#: The titles of the capabilities of clients of Langflow's API.
LANGFLOW_CAPABILITIES = {
    "run": "run",
    "stream": "streaming",
    "agent_tools": "agent with tools",
    "session": "session",
    "tweaks": "tweaks",
    "flow_file": "file of a flow",
    "user_file": "file of a user",
    "image_openai": "image to *OpenAI*",
    "image_language_model": "image to *Language Model*",
    "image_agent": "image to *Agent*",
    "logs": "log",
    "wrong_key": "error: wrong key",
    "unknown_flow": "error: unknown flow",
    "failed_run": "error: failed run",
    "failed_stream": "error: broken stream",
}
