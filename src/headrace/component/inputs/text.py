"""Inputs for text, secrets and templates."""

from __future__ import annotations

from pydantic import Field

from headrace.component.inputs.field import Input, ListableInput


class StrInput(ListableInput):
    """A line of text, or the name of a variable if `load_from_db` is set."""

    load_from_db: bool = False
    tool_mode: bool = False
    trace_as_metadata: bool = True


class MessageInput(StrInput):
    """A text that an edge can set to a `Message`. The component gets the message."""

    input_types: list[str] | None = Field(default_factory=lambda: ["Message"])
    trace_as_input: bool = True


class MessageTextInput(StrInput):
    """A text that an edge can set to a `Message`. The component gets the message's text."""

    input_types: list[str] | None = Field(default_factory=lambda: ["Message"])
    trace_as_input: bool = True


class MultilineInput(MessageTextInput):
    """A text of several lines."""

    multiline: bool = True
    copy_field: bool = False
    ai_enabled: bool = False


class QueryInput(MessageTextInput):
    """A search query."""

    field_type: str = Field(default="query", serialization_alias="type")
    separator: str | None = None


class SecretStrInput(Input):
    """A secret. Its value is the name of a variable unless `load_from_db` is off."""

    input_types: list[str] | None = Field(default_factory=list)
    load_from_db: bool = True
    password: bool = True


class MultilineSecretInput(MessageTextInput):
    """A secret of several lines."""

    multiline: bool = True
    password: bool = True


class CodeInput(ListableInput):
    """Source code as data, which is not run."""

    field_type: str = Field(default="code", serialization_alias="type")
    tool_mode: bool = False
    trace_as_input: bool = True


class PromptInput(ListableInput):
    """A template. Each `{name}` in it becomes a field of the node."""

    field_type: str = Field(default="prompt", serialization_alias="type")
    tool_mode: bool = False
    trace_as_input: bool = True


class DefaultPromptField(Input):
    """The field of a `{name}` in a prompt's template."""

    field_type: str = Field(default="str", serialization_alias="type")
    input_types: list[str] | None = Field(default_factory=lambda: ["Message"])
    is_list: bool = Field(default=False, alias="list")
    multiline: bool = True
    load_from_db: bool = False
    file_types: list[str] = Field(default_factory=list, alias="fileTypes")
    file_path: str = ""
    password: bool | None = None
    options: list[str] | None = None
