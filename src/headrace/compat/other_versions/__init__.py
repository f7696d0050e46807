"""Fields and outputs of other Langflow versions, mapped to those of the present components.

A mapping applies only where the component itself has no field or output of that name: many components change their
outputs with their fields, and those names still work. A name that the tables do not list is an error in the flow,
or a name that its author introduced.
"""

from __future__ import annotations

from collections.abc import Mapping

from headrace.compat.other_versions.mapping import Convert, FieldMapping, OtherNames, OutputMapping
from headrace.compat.other_versions.models import AGENTS, LLM_OPERATIONS, MODELS
from headrace.compat.other_versions.stores import FILES, STORES
from headrace.compat.other_versions.tools import FLOW_CONTROLS, INPUT_OUTPUT, PROCESSING, SEARCH
from headrace.compat.other_versions.values import embedding_model_fields, mcp_server, present_value, single_braces

__all__ = [
    "OTHER_NAMES",
    "FieldMapping",
    "OtherNames",
    "OutputMapping",
    "changed_form",
    "field_mapping",
    "mcp_server",
    "output_mapping",
    "present_value",
    "single_braces",
]

#: Present type name to the fields and outputs of its other versions.
OTHER_NAMES: Mapping[str, OtherNames] = {
    **INPUT_OUTPUT,
    **AGENTS,
    **MODELS,
    **LLM_OPERATIONS,
    **STORES,
    **FILES,
    **FLOW_CONTROLS,
    **PROCESSING,
    **SEARCH,
}

#: Fields that have the same name in every version, but whose value other versions write in another form.
_CHANGED_FORMS: Mapping[tuple[str, str], Convert] = {("EmbeddingModel", "model"): embedding_model_fields}


def field_mapping(type_name: str, field_name: str) -> FieldMapping | None:
    """Return the mapping of a field of another version, or None if no version had it.

    Args:
        type_name: the present name of the component type.
        field_name: the field as the flow names it.

    """
    names = OTHER_NAMES.get(type_name)
    return None if names is None else names.fields.get(field_name)


def output_mapping(type_name: str, output_name: str) -> OutputMapping | None:
    """Return the mapping of an output of another version, or None if no version had it.

    Args:
        type_name: the present name of the component type.
        output_name: the output as the flow names it.

    """
    names = OTHER_NAMES.get(type_name)
    return None if names is None else names.outputs.get(output_name)


def changed_form(type_name: str, field_name: str) -> Convert | None:
    """Return the conversion for a field whose name is the same in all versions while the form of its value changed, or None.

    Args:
        type_name: the present name of the component type.
        field_name: the field as every version names it.

    """
    return _CHANGED_FORMS.get((type_name, field_name))
