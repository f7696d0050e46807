"""Functions by which component code changes the fields of a node after an edit."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any


def set_field_display(build_config: dict[str, Any], field: str, is_visible: bool) -> dict[str, Any]:
    """Show or hide a field."""
    if field in build_config:
        build_config[field]["show"] = is_visible
    return build_config


def set_field_advanced(build_config: dict[str, Any], field: str, is_advanced: bool) -> dict[str, Any]:
    """Move a field to the node's advanced settings, or back onto the node."""
    if field in build_config:
        build_config[field]["advanced"] = is_advanced
    return build_config


def set_current_fields(
    build_config: dict[str, Any],
    action_fields: dict[str, list[str]],
    selected_action: str | None = None,
    default_fields: Iterable[str] = (),
    func: Any = set_field_display,
    *,
    default_value: bool | None = None,
) -> dict[str, Any]:
    """Show the fields of the selected action and the default fields, and hide the fields of all other actions."""
    shown = set(default_fields) | set(action_fields.get(selected_action or "", []))
    for field in {f for fields in action_fields.values() for f in fields} | shown:
        func(build_config, field, (field in shown) is not (default_value is True))
    return build_config


async def update_component_build_config(
    component: Any, build_config: dict[str, Any], field_value: Any, field_name: str | None = None
) -> Any:
    """Return a component's fields after one of them changed. Its `update_build_config` may be `async` or not."""
    updated = component.update_build_config(build_config, field_value, field_name)
    return await updated if inspect.isawaitable(updated) else updated


def update_template_values(new_template: dict[str, Any], previous_template: dict[str, Any]) -> None:
    """Copy the values of a node's previous template into its new one, in place.

    A dropdown keeps its new value if the previous one is not among its options.
    """
    for name, previous in previous_template.items():
        field = new_template.get(name)
        if name == "code" or not isinstance(field, dict) or not isinstance(previous, dict):
            continue
        value = previous.get("value")
        if field.get("type") == "dropdown" and field.get("options") and value not in field["options"]:
            continue
        field["value"] = value
        if "load_from_db" in field and "load_from_db" in previous:
            field["load_from_db"] = previous["load_from_db"]


def process_prompt_template(
    template: str, name: str, custom_fields: dict[str, list[str]] | None, frontend_node_template: dict[str, Any]
) -> list[str]:
    """Add a field to a node for each placeholder of a prompt template, and return the placeholders.

    Args:
        template: the prompt template.
        name: the field that holds the template.
        custom_fields: field name to the placeholders of its previous template; updated in place.
        frontend_node_template: the node's template; updated in place.

    Raises:
        TemplateError: the prompt template is not valid.

    """
    from headrace.component.prompt_fields import sync_placeholder_fields

    previous = list((custom_fields or {}).get(name, []))
    fields, names = sync_placeholder_fields(frontend_node_template, template, previous)
    frontend_node_template.clear()
    frontend_node_template.update(fields)
    if custom_fields is not None:
        custom_fields[name] = names
    return names
