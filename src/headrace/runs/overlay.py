"""Tweaks: values that one run puts over a plan's, without touching the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from headrace.graph.plan import Plan, Vertex
    from headrace.runs.request import RunRequest

#: No tweak reaches these: a request never brings code into a run.
UNTOUCHABLE = {"code", "tool_code", "python_code", "global_imports"}
INPUT_FIELD = "input_value"
FILES_FIELD = "files"


class TweakError(HeadraceError):
    """A run was asked for two different things at once, or for an output that isn't there."""


def overlay_of(plan: Plan, request: RunRequest) -> dict[str, dict[str, Any]]:
    """Return vertex id to field to value for this run: its tweaks, and its input where it belongs.

    A tweak names a vertex by id, by component type or by display name, or names a field of every vertex.
    Fields that a vertex doesn't have are passed over, as Langflow does.

    Raises:
        TweakError: the input is given twice, as `input_value` and as a tweak.

    """
    overlay: dict[str, dict[str, Any]] = {}
    for key, tweak in request.tweaks.items():
        if isinstance(tweak, Mapping):
            for vertex in _named(plan.vertices.values(), key):
                _put(overlay, vertex, tweak)
        else:
            for vertex in plan.vertices.values():
                _put(overlay, vertex, {key: tweak})
    for vertex in plan.inputs(request.input_type):
        if request.input_components and not {vertex.id, vertex.display_name} & set(request.input_components):
            continue
        values = overlay.setdefault(vertex.id, {})
        if request.files and FILES_FIELD in vertex.field_types:
            values.setdefault(FILES_FIELD, list(request.files))
        if request.input_value is None:
            continue
        if INPUT_FIELD in values:
            raise TweakError(
                "If you pass an input_value to the chat input, you cannot pass a tweak with the same name."
            )
        values[INPUT_FIELD] = request.input_value
    return overlay


def _named(vertices: Iterable[Vertex], key: str) -> list[Vertex]:
    return [v for v in vertices if key in {v.id, v.component.type_name(), v.display_name, *v.component.formerly}]


def _put(overlay: dict[str, dict[str, Any]], vertex: Vertex, tweak: Mapping[str, Any]) -> None:
    for name, value in tweak.items():
        known = name in vertex.field_types or name in {i.name for i in vertex.component.inputs}
        if known and name not in UNTOUCHABLE and vertex.field_types.get(name) != "code":
            overlay.setdefault(vertex.id, {})[name] = _plain(vertex, name, value)


def _plain(vertex: Vertex, name: str, value: Any) -> Any:
    whole = vertex.field_types.get(name) in {"dict", "NestedDict", "mcp"}
    return value["value"] if isinstance(value, dict) and "value" in value and not whole else value
