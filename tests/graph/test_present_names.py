"""Flows of other Langflow versions get the names of the present components."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.graph.compiler import compile_plan
from headrace.graph.errors import FlowError
from headrace.graph.flow import Flow, NodeId, parse_flow
from headrace.graph.present_names import use_present_names
from tests.support.flow_builder import FlowBuilder, registry


def rewritten(builder: FlowBuilder) -> Flow:
    flow = parse_flow(builder.data)
    classes = {node.id: component for node in flow.nodes if (component := registry().find(node.type)) is not None}
    return use_present_names(flow, classes)


def values_of(flow: Flow, node_id: str) -> dict[str, Any]:
    return next({name: field.value for name, field in n.fields.items()} for n in flow.nodes if n.id == node_id)


def edge_ends(flow: Flow) -> list[tuple[str, str, str, str]]:
    return [(e.source, e.output, e.target, e.field) for e in flow.edges]


def without_fields(builder: FlowBuilder, node_id: str, *names: str) -> FlowBuilder:
    """Remove fields that the node's version lacks."""
    for node in builder.data["nodes"]:
        if node["id"] == node_id:
            for name in names:
                del node["data"]["node"]["template"][name]
    return builder


def test_a_flow_of_the_present_version_is_unchanged() -> None:
    builder = (
        FlowBuilder()
        .node("ChatInput", "i", input_value="hi")
        .node("Prompt Template", "p", template="{name}", name="Ada")
        .node("ChatOutput", "o")
        .edge("i", "message", "p", "name")
        .edge("p", "prompt", "o", "input_value")
    )
    assert rewritten(builder) == parse_flow(builder.data)


def test_the_model_of_a_newer_language_model_fills_provider_and_name() -> None:
    model = [{"name": "claude-sonnet-4-5", "provider": "Anthropic"}]
    builder = FlowBuilder().node("LanguageModelComponent", "m", model=model)
    flow = rewritten(without_fields(builder, "m", "provider", "model_name"))
    values = values_of(flow, "m")
    assert (values["provider"], values["model_name"]) == ("Anthropic", "claude-sonnet-4-5")
    assert "model" not in values


def test_a_value_under_the_present_name_wins() -> None:
    model = [{"name": "claude-sonnet-4-5", "provider": "Anthropic"}]
    flow = rewritten(FlowBuilder().node("LanguageModelComponent", "m", model=model, model_name="gpt-4o"))
    assert values_of(flow, "m")["model_name"] == "gpt-4o"


def test_a_renamed_field_keeps_its_variable() -> None:
    builder = FlowBuilder().node("Agent", "a", base_url_ibm_watsonx="WATSONX_URL")
    builder.data["nodes"][0]["data"]["node"]["template"]["base_url_ibm_watsonx"]["load_from_db"] = True
    node = rewritten(without_fields(builder, "a", "base_url")).nodes[0]
    assert (node.fields["base_url"].value, node.fields["base_url"].load_from_db) == ("WATSONX_URL", True)


def test_an_edge_from_an_older_output_starts_at_the_present_one() -> None:
    builder = (
        FlowBuilder()
        .node("URLComponent", "u", urls=["http://a"])
        .node("ParserComponent", "p")
        .node("ChatOutput", "o")
        .edge("u", "data", "p", "input_data")
        .edge("u", "text", "o", "input_value")
    )
    flow = rewritten(builder)
    assert edge_ends(flow) == [("u", "page_results", "p", "input_data"), ("u", "raw_results", "o", "input_value")]
    compile_plan(flow, registry())


def test_of_several_present_outputs_the_first_compatible_one_is_used() -> None:
    builder = (
        FlowBuilder()
        .node("Memory", "m")
        .node("Prompt Template", "t", template="{past}", past="")
        .node("ParserComponent", "p")
        .edge("m", "messages", "t", "past")
        .edge("m", "messages", "p", "input_data")
    )
    assert [output for _, output, _, _ in edge_ends(rewritten(builder))] == ["messages_text", "dataframe"]


def test_an_edge_into_an_older_field_feeds_every_present_one() -> None:
    builder = (
        FlowBuilder()
        .node("ChatInput", "i")
        .node("ConditionalRouter", "r", message="")
        .edge("i", "message", "r", "input_text")
        .edge("i", "message", "r", "message")
    )
    assert [field for *_, field in edge_ends(rewritten(builder))] == [
        "input_text",
        "true_case_message",
        "false_case_message",
    ]


def test_an_edge_from_an_output_without_equivalent_names_node_output_and_replacement() -> None:
    builder = FlowBuilder().node("Memory", "m").node("ChatOutput", "o").edge("m", "lc_memory", "o", "input_value")
    with pytest.raises(FlowError) as raised:
        rewritten(builder)
    for part in ("Message History", "(m)", "'lc_memory'", "Chat Output", "(o)", "Use 'messages_text' or 'dataframe'"):
        assert part in raised.value.message


def test_an_edge_whose_present_output_has_another_type_names_the_output() -> None:
    builder = (
        FlowBuilder()
        .node("SplitText", "s")
        .node("Prompt Template", "t", template="{x}", x="")
        .edge("s", "chunks", "t", "x")
    )
    with pytest.raises(FlowError, match=r"'chunks'.*Use the output 'dataframe'"):
        rewritten(builder)


def test_an_edge_into_a_field_without_equivalent_names_the_replacement() -> None:
    builder = FlowBuilder().node("ChatInput", "i").node("OpenAIModel", "m", output_parser="")
    with pytest.raises(FlowError, match=r"\(m\) no longer has the field 'output_parser'.*Structured Output"):
        rewritten(builder.edge("i", "message", "m", "output_parser"))


def test_a_name_that_no_version_had_is_left_to_the_compiler() -> None:
    builder = FlowBuilder().node("ChatInput", "i").node("ChatOutput", "o").edge("i", "nothing", "o", "input_value")
    with pytest.raises(FlowError, match="'nothing'"):
        compile_plan(rewritten(builder), registry())


def test_values_in_an_older_form_take_the_present_one() -> None:
    flow = rewritten(FlowBuilder().node("URLComponent", "u", urls="http://a", max_depth="2"))
    assert (values_of(flow, "u")["urls"], values_of(flow, "u")["max_depth"]) == (["http://a"], 2.0)


def test_a_prompt_with_double_braces_is_filled_like_one_with_single_braces() -> None:
    builder = FlowBuilder().node("Prompt Template", "p", template='{"a": "{{x}}"}', x="1", use_double_brackets=True)
    assert values_of(rewritten(builder), "p")["template"] == '{{"a": "{x}"}}'


def test_a_node_with_custom_code_keeps_its_names() -> None:
    builder = FlowBuilder().node("Memory", "m").node("ChatOutput", "o").edge("m", "lc_memory", "o", "input_value")
    flow = parse_flow(builder.data)
    memory = registry().find("Memory")
    output = registry().find("ChatOutput")
    assert memory is not None and output is not None
    custom = type("Custom", (memory,), {"source": "code"})
    assert use_present_names(flow, {NodeId("m"): custom, NodeId("o"): output}) == flow
