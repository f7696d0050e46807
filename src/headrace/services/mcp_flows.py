"""Flows as MCP tools and prompts: what a flow offers to clients, derived from its nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.compat.published_code import current_type
from headrace.formats.mcp import OUTPUT_SCHEMA
from headrace.mcp.provider import PromptDefinition, ToolDefinition
from headrace.mcp.tool_names import clean_name, unique_names
from headrace.schema.template import TemplateError, placeholders

if TYPE_CHECKING:
    from headrace.component.registry import Registry

#: The columns of a flow that describe its tool: `id`, `folder_id`, `name`, `description`, `action_name`, `action_description`.
McpFlowRow = Any

#: The names of arguments that every flow has, or that have several inputs.
INPUT_ARGUMENT = "input_value"
SESSION_ARGUMENT = "session_id"
#: The maximum length of a session id, in characters.
MAX_SESSION_CHARACTERS = 1024
_PROMPT_FIELD_TYPE = "prompt"


class ArgumentError(Exception):
    """An argument of a tool call is not valid. The message is for the model that made the call."""


@dataclass(frozen=True, slots=True)
class FlowPrompt:
    """A Prompt Template of a flow.

    Attributes:
        node_id: the id of its node.
        display_name: the name of its node.
        field: the field that contains the template.
        arguments: the placeholders of the template, and whether each needs a value.

    """

    node_id: str
    display_name: str
    field: str
    arguments: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class FlowInterface:
    """The inputs and prompts of a flow.

    Attributes:
        has_chat_input: whether the flow has an input for the argument `input_value`.
        text_inputs: the ids of the nodes of further inputs, by the name of their argument.
        descriptions: the names of these nodes, by the name of their argument.
        prompts: the Prompt Templates of the flow.

    """

    has_chat_input: bool = False
    text_inputs: Mapping[str, str] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    prompts: tuple[FlowPrompt, ...] = ()

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments of a call."""
        properties: dict[str, Any] = {}
        if self.has_chat_input:
            properties[INPUT_ARGUMENT] = {"type": "string", "description": "The message for the flow."}
        for name, description in self.descriptions.items():
            properties[name] = {"type": "string", "description": f"The text for {description}."}
        properties[SESSION_ARGUMENT] = {
            "type": "string",
            "maxLength": MAX_SESSION_CHARACTERS,
            "description": "The session whose earlier messages the flow remembers. By default, that of the connection.",
        }
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def check_arguments(self, arguments: Mapping[str, Any]) -> None:
        """Check the arguments of a call.

        Raises:
            ArgumentError: An argument is unknown, or its value is not valid.

        """
        known = self.input_schema()["properties"]
        for name, value in arguments.items():
            if name not in known:
                raise ArgumentError(f"The tool has no argument {name[:100]!r}. It has: {', '.join(known)}.")
            if value is not None and not isinstance(value, str):
                raise ArgumentError(f"The argument {name!r} must be a text.")
        if len(arguments.get(SESSION_ARGUMENT) or "") > MAX_SESSION_CHARACTERS:
            raise ArgumentError(
                f"The argument {SESSION_ARGUMENT!r} may have at most {MAX_SESSION_CHARACTERS} characters."
            )

    def tweaks(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the text inputs by node id."""
        return {
            node_id: {INPUT_ARGUMENT: arguments[name]}
            for name, node_id in self.text_inputs.items()
            if arguments.get(name) is not None
        }


@dataclass(frozen=True, slots=True)
class FlowTool:
    """A flow that is a tool, and the project that contains it."""

    flow_id: UUID
    project_id: UUID | None
    definition: ToolDefinition
    interface: FlowInterface


def flow_interface(data: object, registry: Registry) -> FlowInterface:
    """Return the inputs and prompts of a flow, also of one that cannot be run."""
    has_chat_input = False
    text_nodes: list[tuple[str, str]] = []
    prompts: list[FlowPrompt] = []
    for node_id, type_name, name, template in _nodes(data):
        component = registry.find(current_type(type_name))
        kind = component.input_kind if component is not None else None
        if kind == "chat":
            has_chat_input = True
        elif kind == "text":
            text_nodes.append((node_id, name))
        prompts += _prompts(node_id, name, template)
    if len(text_nodes) == 1 and not has_chat_input:
        node_id, name = text_nodes[0]
        return FlowInterface(False, {INPUT_ARGUMENT: node_id}, {INPUT_ARGUMENT: name}, tuple(prompts))
    names = unique_names(
        [INPUT_ARGUMENT, SESSION_ARGUMENT, *(clean_name(name).lower() for _node_id, name in text_nodes)]
    )[2:]
    return FlowInterface(
        has_chat_input,
        {argument: node_id for argument, (node_id, _name) in zip(names, text_nodes, strict=True)},
        {argument: name for argument, (_node_id, name) in zip(names, text_nodes, strict=True)},
        tuple(prompts),
    )


def _nodes(data: object) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Yield id, type, name and template of the nodes of a flow's data, which may be invalid."""
    nodes = data.get("nodes") if isinstance(data, dict) else None
    for raw in nodes if isinstance(nodes, list) else []:
        body = raw.get("data") if isinstance(raw, dict) else None
        node = body.get("node") if isinstance(body, dict) else None
        if not isinstance(body, dict) or not isinstance(node, dict):
            continue
        node_id, type_name, template = raw.get("id"), body.get("type"), node.get("template")
        if isinstance(node_id, str) and isinstance(type_name, str) and isinstance(template, dict):
            yield node_id, type_name, str(node.get("display_name") or type_name), template


def _prompts(node_id: str, name: str, template: dict[str, Any]) -> Iterator[FlowPrompt]:
    for field_name, value in template.items():
        if isinstance(value, dict) and value.get("type") == _PROMPT_FIELD_TYPE and isinstance(value.get("value"), str):
            try:
                names = placeholders(value["value"])
            except TemplateError:
                # A run reports it.
                continue
            yield FlowPrompt(node_id, name, field_name, {n: not _value_of(template, n) for n in names})


def _value_of(template: Mapping[str, Any], name: str) -> str:
    value = template.get(name)
    text = value.get("value") if isinstance(value, dict) else None
    return text if isinstance(text, str) else ""


def prompt_parts(data: object, prompt: FlowPrompt) -> tuple[str, dict[str, str]] | None:
    """Return the template of a prompt and the values in its node; None if the flow no longer has the prompt."""
    for node_id, _type_name, _name, template in _nodes(data):
        value = template.get(prompt.field)
        if node_id == prompt.node_id and isinstance(value, dict) and isinstance(value.get("value"), str):
            return value["value"], {name: _value_of(template, name) for name in prompt.arguments}
    return None


def tool_name(row: McpFlowRow) -> str:
    """Return the name of a flow's tool, which may not be unique: the owner's choice, or one that is derived from the flow's."""
    return clean_name(row["action_name"]) if row["action_name"] else clean_name(row["name"]).lower()


def tool_description(row: McpFlowRow) -> str:
    """Return the description of a flow's tool."""
    own = row["action_description"] or row["description"]
    return str(own) if own else f"Runs the flow {row['name']} and returns its answer."


def flow_tool(row: McpFlowRow, name: str, interface: FlowInterface) -> FlowTool:
    """Return the tool of a flow.

    Args:
        row: the flow's row, without its data.
        name: the unique name of the tool.
        interface: the flow's inputs and prompts.

    """
    definition = ToolDefinition(name, row["name"], tool_description(row), interface.input_schema(), OUTPUT_SCHEMA)
    return FlowTool(row["id"], row["folder_id"], definition, interface)


def prompt_name(tool: FlowTool, prompt: FlowPrompt) -> str:
    """Return the name of a prompt, which may not be unique: that of its flow, with the node's name if there are several."""
    if len(tool.interface.prompts) == 1:
        return tool.definition.name
    return clean_name(f"{tool.definition.name}_{clean_name(prompt.display_name).lower()}")


def prompt_definition(tool: FlowTool, prompt: FlowPrompt, name: str) -> PromptDefinition:
    """Return a prompt as a list shows it, under a unique name."""
    return PromptDefinition(
        name,
        f"{tool.definition.title}: {prompt.display_name}",
        f"The prompt {prompt.display_name} of the flow {tool.definition.title}.",
        prompt.arguments,
    )
