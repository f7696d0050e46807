"""Tweaks: values that one run puts over a plan's, without touching the plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from headrace.compat.other_versions import field_mapping
from headrace.compat.published_code import current_type
from headrace.component import MessageInput
from headrace.component.file_types import file_paths
from headrace.component.nearest_name import suggestion
from headrace.component.value_conversion import FieldTypeError, convert_value
from headrace.errors import BadRequestError, UnprocessableError
from headrace.graph.flow import NodeId

if TYPE_CHECKING:
    from headrace.component import Input
    from headrace.graph.plan import Plan
    from headrace.graph.vertex import Vertex
    from headrace.runs.request import RunRequest

#: No tweak reaches these: a request never brings code into a run.
PROTECTED_FIELDS = {"code", "tool_code", "python_code", "global_imports"}
#: Tweaks of a request, and the fields that they set. Both take time on the event loop.
MAX_TWEAKS = 1000
MAX_TWEAKED_FIELDS = 20_000
#: Characters of a name from the request that an error message quotes.
MAX_QUOTED_CHARACTERS = 100
#: Files of a request.
MAX_FILES = 100
INPUT_FIELD = "input_value"
FILES_FIELD = "files"


class TweakError(BadRequestError):
    """A run was asked for two different things at once, or for an output that isn't there."""


class InvalidTweakError(UnprocessableError):
    """A tweak names a component or a field that the flow does not have, or its value has the wrong type."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem} To ignore tweaks that do not fit, an operator can set HEADRACE_TWEAKS=lenient.")


def resolve_overrides(plan: Plan, request: RunRequest, *, strict: bool = False) -> dict[str, dict[str, Any]]:
    """Return vertex id to field to value for this run: its tweaks, and its input where it belongs.

    A tweak names a vertex by id, by component type or by display name, or names a field of every vertex.

    Args:
        plan: the plan of the flow.
        request: the tweaks and the input.
        strict: whether a tweak that does not fit the flow is an error. Otherwise it is ignored, as Langflow does, and
            its value is passed on unchecked.

    Raises:
        TweakError: the input is given twice, as `input_value` and as a tweak, or there are too many tweaks.
        InvalidTweakError: a tweak does not fit the flow, and `strict` is set.

    """
    overlay = _tweaked_values(plan, request.tweaks, strict=strict) if request.tweaks else {}
    input_components = set(request.input_components)
    for vertex in plan.input_vertices(request.input_type):
        if input_components and not {vertex.id, vertex.display_name} & input_components:
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


def requested_files(plan: Plan, overrides: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the paths of the files that a request passes to the flow's inputs.

    Raises:
        TweakError: there are too many.

    """
    paths: list[str] = []
    for vertex_id, values in overrides.items():
        if values.get(FILES_FIELD) and plan.vertices[NodeId(vertex_id)].component.input_kind:
            paths += file_paths(values[FILES_FIELD])
    if len(paths) > MAX_FILES:
        raise TweakError(
            f"The request has {len(paths)} files; at most {MAX_FILES} are allowed. Send them in several messages."
        )
    return paths


def _tweaked_values(plan: Plan, tweaks: Mapping[str, Any], *, strict: bool) -> dict[str, dict[str, Any]]:
    if len(tweaks) > MAX_TWEAKS:
        raise TweakError(
            f"The request has {len(tweaks)} tweaks; at most {MAX_TWEAKS} are allowed. Store values in the flow."
        )
    overlay: dict[str, dict[str, Any]] = {}
    vertices_by_name = _VerticesByName(plan)
    fields_left = MAX_TWEAKED_FIELDS
    for key, tweak in tweaks.items():
        fields = tweak if isinstance(tweak, Mapping) else {key: tweak}
        vertices = vertices_by_name.find(key) if isinstance(tweak, Mapping) else plan.vertices.values()
        fields_left -= len(fields) * len(vertices)
        if fields_left < 0:
            raise TweakError(
                f"The tweaks would set more than {MAX_TWEAKED_FIELDS} fields. Name the components whose fields you tweak by id."
            )
        unknown = set(fields)
        for vertex in vertices:
            unknown &= _put(overlay, vertex, fields, strict=strict)
        if strict and not vertices:
            raise InvalidTweakError(
                f"The flow has no component {_cut(key)!r}, which the tweaks name. {suggestion(key, vertices_by_name.names())}"
            )
        if strict and unknown:
            raise _unknown_field_error(
                key, min(unknown), vertices, vertices_by_name, is_node=isinstance(tweak, Mapping)
            )
    return overlay


def _unknown_field_error(
    key: str, field: str, vertices: Collection[Vertex], vertices_by_name: _VerticesByName, *, is_node: bool
) -> InvalidTweakError:
    fields = sorted({name for vertex in vertices for name in _field_names(vertex)})
    if is_node:
        return InvalidTweakError(f"{_cut(key)} has no field {_cut(field)!r}. {suggestion(field, fields)}")
    if vertices_by_name.find(key):
        return InvalidTweakError(
            f"The tweak {_cut(key)!r} names a component, so its value must be an object from field names to values."
        )
    return InvalidTweakError(
        f"No component of the flow has a field {_cut(field)!r}, which the tweaks name. {suggestion(field, fields)}"
    )


def _cut(name: str) -> str:
    return name if len(name) <= MAX_QUOTED_CHARACTERS else f"{name[:MAX_QUOTED_CHARACTERS]}…"


class _VerticesByName:
    """The vertices of a plan by id, display name, type and earlier type names."""

    def __init__(self, plan: Plan) -> None:
        self._by_name: dict[str, dict[str, Vertex]] = {}
        self._by_type: dict[str, dict[str, Vertex]] = {}
        for vertex in plan.vertices.values():
            self._by_type.setdefault(vertex.component.type_name(), {})[vertex.id] = vertex
            for name in (vertex.id, vertex.display_name, *vertex.component.aliases):
                self._by_name.setdefault(name, {})[vertex.id] = vertex

    def names(self) -> list[str]:
        """Return the names by which a tweak can name a vertex."""
        return list(dict.fromkeys([*self._by_name, *self._by_type]))

    def find(self, name: str) -> Collection[Vertex]:
        return {**self._by_type.get(current_type(name), {}), **self._by_name.get(name, {})}.values()


def _put(overlay: dict[str, dict[str, Any]], vertex: Vertex, tweak: Mapping[str, Any], *, strict: bool) -> set[str]:
    """Store the values that a tweak sets on a vertex, and return the fields of the tweak that the vertex does not have."""
    known = _field_names(vertex)
    present, unknown = _use_present_names(vertex, tweak, known)
    for name, value in present.items():
        if name in PROTECTED_FIELDS or vertex.field_types.get(name) == "code":
            continue
        value = _plain(vertex, name, value)
        overlay.setdefault(vertex.id, {})[name] = _convert(vertex, name, value) if strict else value
    return unknown


def _convert(vertex: Vertex, name: str, value: Any) -> Any:
    """Return a value in the type of its field.

    Raises:
        InvalidTweakError: the value has another type.

    """
    declared = next((field for field in vertex.component.inputs if field.name == name), None)
    if isinstance(declared, MessageInput) and isinstance(value, Mapping):
        # The JSON of a message.
        return value
    try:
        return convert_value(_field_type(vertex, name, declared), value, is_list=_is_list(vertex, name, declared))
    except FieldTypeError as error:
        raise InvalidTweakError(
            f"The field {name!r} of {vertex.display_name} ({vertex.id}) {error}. Change its value in the tweaks."
        ) from None


def _field_type(vertex: Vertex, name: str, declared: Input | None) -> str:
    # The template of a saved node may be older than the component, or incomplete.
    return declared.field_type if declared is not None else vertex.field_types.get(name, "")


def _is_list(vertex: Vertex, name: str, declared: Input | None) -> bool:
    return name in vertex.list_fields or bool(getattr(declared, "is_list", False))


def _field_names(vertex: Vertex) -> set[str]:
    return {*vertex.field_types, *(field.name for field in vertex.component.inputs)}


def _use_present_names(
    vertex: Vertex, tweak: Mapping[str, Any], known: Collection[str]
) -> tuple[dict[str, Any], set[str]]:
    """Return a tweak with the fields of other Langflow versions under their present names, and the fields that no version has.

    A value under the present name takes precedence over a converted one.
    """
    converted: dict[str, Any] = {}
    present: dict[str, Any] = {}
    unknown: set[str] = set()
    for name, value in tweak.items():
        mapping = None
        if name not in known and vertex.component.source is None:
            mapping = field_mapping(vertex.component.type_name(), name)
        if mapping is not None:
            converted |= mapping.values(_plain(vertex, name, value))
        elif name in known:
            present[name] = value
        elif name not in PROTECTED_FIELDS:
            unknown.add(name)
    return {**{name: value for name, value in converted.items() if name in known}, **present}, unknown


def _plain(vertex: Vertex, name: str, value: Any) -> Any:
    whole = vertex.field_types.get(name) in {"dict", "NestedDict", "mcp"}
    return value["value"] if isinstance(value, dict) and "value" in value and not whole else value
