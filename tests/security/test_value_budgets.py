"""Values that a small flow or a small source would make large are not created."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.security.shared_settings import SMALL_VALUES
from tests.support.flow_builder import FlowBuilder
from tests.support.flows import create_flow
from tests.support.probe import AttackedServer

MAX_GROWTH = 200 << 20
pytestmark = [pytest.mark.any_database, pytest.mark.server(**SMALL_VALUES)]


def _chain(*nodes: tuple[str, str, str, str, dict[str, Any]]) -> dict[str, Any]:
    """Return a flow from Chat Input to Chat Output through nodes: type, id, input, output and values of each."""
    flow = FlowBuilder().node("ChatInput", "ChatInput-a")
    source, output = "ChatInput-a", "message"
    for type_name, node_id, field, next_output, values in nodes:
        flow.node(type_name, node_id, **values).edge(source, output, node_id, field)
        source, output = node_id, next_output
    return flow.node("ChatOutput", "ChatOutput-b").edge(source, output, "ChatOutput-b", "input_value").data


def _prompt(name: str, template: str) -> tuple[str, str, str, str, dict[str, Any]]:
    return ("Prompt Template", f"Prompt-{name}", "x", "prompt", {"template": template, "x": ""})


def _prompts() -> tuple[dict[str, Any], str]:
    return _chain(*(_prompt(name, "{x}" * 1000) for name in "abc")), "x" * 1000


def _run_of_prompts() -> tuple[dict[str, Any], str]:
    return _chain(_prompt("a", "{x}" * 1000), *(_prompt(name, "{x}!") for name in "bcdefgh")), "x" * 12_000


def _split(**values: Any) -> tuple[str, str, str, str, dict[str, Any]]:
    return ("SplitText", "SplitText-s", "data_inputs", "dataframe", values)


def _overlapping_chunks() -> tuple[dict[str, Any], str]:
    return _chain(_split(chunk_size=50_000, chunk_overlap=49_999, separator=" ")), "a " * 100_000


def _padded_table() -> tuple[dict[str, Any], str]:
    return _chain(_split(chunk_size=1, chunk_overlap=0)), "\n".join(["x" * 1_000_000, *"a" * 4000])


def _repeated_records() -> tuple[dict[str, Any], str]:
    parser = ("parser", "parser-p", "input_data", "parsed_text", {"pattern": "{text}" * 200})
    return _chain(_split(chunk_size=1000, chunk_overlap=0), parser), "\n".join(["x" * 1000] * 1000)


ATTACKS: dict[str, Callable[[], tuple[dict[str, Any], str]]] = {
    "templates that repeat a placeholder": _prompts,
    "many values below the limit of a value": _run_of_prompts,
    "chunks that overlap": _overlapping_chunks,
    "a table that is padded to its longest cell": _padded_table,
    "a pattern for each record": _repeated_records,
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_flow_that_multiplies_its_input_fails_with_the_name_of_the_limit(
    server: AttackedServer, attack: Callable[[], tuple[dict[str, Any], str]]
) -> None:
    data, text = attack()
    with server.client(server.attacker) as client:
        flow_id = create_flow(client, data)
        with server.observe() as observation:
            response = client.post(f"/api/v1/run/{flow_id}", json={"input_value": text})
    observation.assert_memory(MAX_GROWTH)
    observation.assert_available()
    assert response.status_code == 500
    assert "Error building Component" in response.text
    assert "HEADRACE_MAX_" in response.text or "Reduce Chunk Overlap" in response.text


DOUBLED = "\n    ".join(f"v{n + 1} = v{n} + v{n}" for n in range(27))
NESTED = "\n    ".join(f"v{n + 1} = [v{n}, v{n}, v{n}, v{n}]" for n in range(14))
SPREAD = "\n    ".join(f"v{n + 1} = [*v{n}, *v{n}]" for n in range(26))


@pytest.mark.parametrize(
    ("first", "lines", "last"),
    [("'0123456789'", DOUBLED, "v27"), ("[1]", NESTED, "v14"), ("[1]", SPREAD, "v26")],
    ids=["a doubled text", "a nested list", "a spread list"],
)
def test_a_source_whose_constants_grow_exponentially_is_not_evaluated(
    server: AttackedServer, first: str, lines: str, last: str
) -> None:
    constants = f"v0 = {first}\n    {lines}".replace("\n    ", "\n")
    code = (
        "from langflow.custom import Component\nfrom langflow.io import StrInput, Output\n"
        f"{constants}\n"
        "class Grows(Component):\n"
        f"    inputs = [StrInput(name='a', value={last})]\n"
        "    outputs = [Output(name='b', method='c')]\n"
        "    def c(self) -> str:\n        return ''\n"
    )
    with server.client(server.attacker) as client, server.observe() as observation:
        response = client.post("/api/v1/custom_component", json={"code": code})
    observation.assert_memory(MAX_GROWTH)
    observation.assert_available()
    assert len(response.content) < 1_000_000


def test_a_loop_releases_the_values_of_each_item(server: AttackedServer) -> None:
    # 200 times 1 MB, of which one is in memory at a time.
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("SplitText", "SplitText-s", chunk_size=1, chunk_overlap=0)
        .node("LoopComponent", "LoopComponent-l")
        .node("ParserComponent", "Parser-big", pattern="{text}" * 1000)
        .node("Prompt Template", "Prompt-small", template="ok")
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "SplitText-s", "data_inputs")
        .edge("SplitText-s", "dataframe", "LoopComponent-l", "data")
        .edge("LoopComponent-l", "item", "Parser-big", "input_data")
        .edge("Parser-big", "parsed_text", "Prompt-small", "tool_placeholder")
        .edge("LoopComponent-l", "done", "ChatOutput-b", "input_value")
    )
    handles = {
        "sourceHandle": {"id": "Prompt-small", "name": "prompt", "output_types": ["Message"]},
        "targetHandle": {
            "id": "LoopComponent-l",
            "name": "item",
            "dataType": "LoopComponent",
            "output_types": ["Data"],
        },
    }
    flow.data["edges"].append({"source": "Prompt-small", "target": "LoopComponent-l", "data": handles})
    text = "\n".join(f"{n:0>1000}" for n in range(200))
    with server.client(server.bystander) as client:
        flow_id = create_flow(client, flow.data)
        with server.observe() as observation:
            response = client.post(f"/api/v1/run/{flow_id}", json={"input_value": text})
    assert response.status_code == 200, response.text[:500]
    observation.assert_memory(MAX_GROWTH)
