"""Fields, outputs and values of other Langflow versions become those of the present components."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import headrace.components
from headrace.compat.exported_code import reference_classes
from headrace.compat.other_versions import (
    OTHER_NAMES,
    changed_form,
    field_mapping,
    mcp_server,
    output_mapping,
    present_value,
    single_braces,
)
from headrace.compat.other_versions.values import choice_of_model, key_value_rows
from headrace.component.registry import Registry
from headrace.schema.template import render

GPT = [{"name": "gpt-4o", "provider": "OpenAI", "icon": "OpenAI", "metadata": {}}]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def test_the_tables_name_present_types() -> None:
    assert OTHER_NAMES.keys() <= reference_classes().keys()


def test_mappings_lead_to_fields_and_outputs_of_the_components() -> None:
    lost = []
    registry = Registry.from_package(headrace.components)
    for component in registry.classes():
        names = OTHER_NAMES.get(component.type_name())
        if names is None:
            continue
        inputs = {field.name for field in component.inputs}
        lost += [
            (component.type_name(), target)
            for mapping in names.fields.values()
            for target in mapping.targets
            if target not in inputs
        ]
        lost += [
            (component.type_name(), output)
            for mapping in names.outputs.values()
            for output in mapping.targets
            if component.output(output) is None
        ]
    assert lost == []


def test_every_output_has_a_target_or_a_replacement() -> None:
    mappings = [(t, o, m) for t, names in OTHER_NAMES.items() for o, m in names.outputs.items()]
    assert [(t, o) for t, o, m in mappings if bool(m.targets) == (m.replacement is not None)] == []


@pytest.mark.parametrize(
    ("type_name", "field", "value", "present"),
    [
        ("AnthropicModel", "anthropic_api_key", "k", {"api_key": "k"}),
        ("ConditionalRouter", "message", "hi", {"true_case_message": "hi", "false_case_message": "hi"}),
        ("LanguageModelComponent", "model", GPT, {"provider": "OpenAI", "model_name": "gpt-4o"}),
        ("Agent", "model", GPT, {"agent_llm": "OpenAI", "model_name": "gpt-4o"}),
        (
            "LanguageModelComponent",
            "model",
            [{"name": "gemini-2.5-pro", "provider": "Google Generative AI"}],
            {"provider": "Google", "model_name": "gemini-2.5-pro"},
        ),
        (
            "Agent",
            "model",
            {"name": "granite", "provider": "IBM WatsonX"},
            {"agent_llm": "IBM watsonx.ai", "model_name": "granite"},
        ),
        ("LanguageModelComponent", "model", "", {}),
        ("SmartRouter", "model", GPT, {}),
        ("APIRequest", "urls", ["http://a", ""], {"url_input": "http://a"}),
        ("APIRequest", "urls", ["http://a", "http://b"], {}),
        ("APIRequest", "use_curl", True, {"mode": "cURL"}),
        ("APIRequest", "use_curl", False, {"mode": "URL"}),
        ("AstraDB", "search_filter", [{"a": 1}, {"b": 2}], {"advanced_search_filter": {"a": 1, "b": 2}}),
        ("AgentQL", "params", {"mode": "fast", "other": 1}, {"mode": "fast"}),
        ("Unstructured", "file", "a.pdf", {"path": ["a.pdf"]}),
        ("ChatInput", "background_color", "red", {}),
    ],
)
def test_a_field_of_another_version_fills_the_present_ones(
    type_name: str, field: str, value: Any, present: dict[str, Any]
) -> None:
    mapping = field_mapping(type_name, field)
    assert mapping is not None
    assert mapping.values(value) == present


def test_an_embedding_model_takes_the_model_field_in_both_forms() -> None:
    convert = changed_form("EmbeddingModel", "model")
    assert convert is not None
    assert convert("text-embedding-3-small") == {"model": "text-embedding-3-small"}
    assert convert(GPT) == {"provider": "OpenAI", "model": "gpt-4o"}


@pytest.mark.parametrize(
    ("type_name", "output", "targets"),
    [
        ("Memory", "messages", ("dataframe", "messages_text")),
        ("MergeDataComponent", "merged_data", ("combined_data",)),
        ("DuckDuckGoSearchComponent", "text", ("dataframe",)),
        ("URLComponent", "text", ("raw_results",)),
        ("MCPTools", "tools", ("component_as_tool",)),
        ("SplitText", "chunks", ("dataframe",)),
    ],
)
def test_an_output_of_another_version_leads_to_the_present_ones(
    type_name: str, output: str, targets: tuple[str, ...]
) -> None:
    mapping = output_mapping(type_name, output)
    assert mapping is not None
    assert mapping.targets == targets


@pytest.mark.parametrize("type_name", ["Memory", "no such type"])
def test_a_name_that_no_version_had_has_no_mapping(type_name: str) -> None:
    assert field_mapping(type_name, "no_such_field") is None
    assert output_mapping(type_name, "no_such_output") is None


@given(st.sampled_from(sorted(OTHER_NAMES)), st.data(), json_values)
def test_no_value_breaks_a_conversion(type_name: str, data: st.DataObject, value: Any) -> None:
    for mapping in OTHER_NAMES[type_name].fields.values():
        assert all(isinstance(name, str) for name in mapping.values(value))


@given(json_values)
def test_a_choice_of_model_is_texts_or_nothing(value: Any) -> None:
    assert all(part is None or (isinstance(part, str) and part) for part in choice_of_model(value))


@given(st.lists(st.sampled_from(["{{name}}", "{{ name }}", "{", "}", "text "]), max_size=8))
def test_a_template_with_double_braces_gives_the_same_text_with_single_ones(pieces: list[str]) -> None:
    template = "".join(f"{piece} " for piece in pieces)
    expected = template.replace("{{name}}", "Ada").replace("{{ name }}", "Ada")
    assert render(single_braces(template), {"name": "Ada"}) == expected


@pytest.mark.parametrize(
    ("values", "server"),
    [
        ({"sse_url": "http://a/sse", "mode": "SSE"}, {"name": "http://a/sse", "config": {"url": "http://a/sse"}}),
        (
            {"url": "http://a", "headers_input": {"x": "y"}},
            {"name": "http://a", "config": {"url": "http://a", "headers": {"x": "y"}}},
        ),
        ({"sse_url": "http://a/sse", "mode": "Stdio", "command": "uvx tool"}, None),
        ({"url": "http://a", "mcp_server": {"name": "mine"}}, None),
        ({"url": ""}, None),
        ({}, None),
    ],
)
def test_an_address_in_fields_becomes_an_mcp_server(values: dict[str, Any], server: dict[str, Any] | None) -> None:
    assert mcp_server(values) == ({} if server is None else {"mcp_server": server})


@pytest.mark.parametrize(
    ("value", "field_type", "is_list", "expected"),
    [
        ("Filter", "sortableList", False, [{"name": "Filter"}]),
        ([{"name": "Filter"}], "sortableList", False, [{"name": "Filter"}]),
        ("", "sortableList", False, ""),
        ({"a": 1}, "table", False, [{"key": "a", "value": 1}]),
        ({}, "table", False, {}),
        ("http://a", "str", True, ["http://a"]),
        ("", "str", True, ""),
        (["a"], "str", False, "a"),
        (["a", "b"], "str", False, ["a", "b"]),
        ("0.5", "slider", False, 0.5),
        (" 7 ", "int", False, 7),
        ("7.5", "int", False, "7.5"),
        ("seven", "float", False, "seven"),
        ("1e3", "float", False, 1000.0),
        ("", "int", False, ""),
        ("nan", "float", False, "nan"),
        ({"a": 1}, "NestedDict", False, {"a": 1}),
    ],
)
def test_a_value_takes_the_form_of_the_present_field(value: Any, field_type: str, is_list: bool, expected: Any) -> None:
    assert present_value(value, field_type, is_list=is_list) == expected


@given(
    json_values,
    st.sampled_from(["str", "int", "float", "slider", "bool", "table", "sortableList", "other"]),
    st.booleans(),
)
def test_a_value_in_the_present_form_stays(value: Any, field_type: str, is_list: bool) -> None:
    once = present_value(value, field_type, is_list=is_list)
    if isinstance(once, list) and field_type not in {"table", "sortableList"} and not is_list:
        return  # A list in a list loses a level each time.
    assert present_value(once, field_type, is_list=is_list) == once


@given(json_values)
def test_rows_of_keys_and_values_are_dictionaries(value: Any) -> None:
    assert all(isinstance(row, dict) for row in key_value_rows(value))
