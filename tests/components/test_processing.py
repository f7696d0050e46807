"""Split Text, Parser and Loop in flows."""

from __future__ import annotations

import uuid
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.schema import Data, Message
from headrace.schema.records import as_text, records_of
from headrace.schema.table import dataframe
from tests.support.flow_builder import FlowBuilder


def run_for_text(client: httpx2.Client, data: dict[str, Any], text: str) -> str:
    """Run a flow in a new session and return the text of its answer."""
    flow = client.post("/api/v1/flows/", json={"name": f"f {uuid.uuid4()}", "data": data}).json()["id"]
    answer = client.post(f"/api/v1/run/{flow}", json={"input_value": text, "session_id": str(uuid.uuid4())})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["outputs"][0]["outputs"][0]["results"]["message"]["text"])


def split_and_parse_flow(split: dict[str, Any], **parser: Any) -> dict[str, Any]:
    """Return a flow that splits the chat input and formats the chunks."""
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("SplitText", "SplitText-s", **split)
        .node("ParserComponent", "Parser-p", **parser)
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "SplitText-s", "data_inputs")
        .edge("SplitText-s", "dataframe", "Parser-p", "input_data")
        .edge("Parser-p", "parsed_text", "ChatOutput-b", "input_value")
        .data
    )


@pytest.mark.parametrize(
    ("split", "text", "chunks"),
    [
        ({"chunk_size": 5, "chunk_overlap": 0}, "one.\ntwo.\nthree.", ["one.", "two.", "three."]),
        ({"chunk_size": 9, "chunk_overlap": 0}, "one.\ntwo.\nthree.", ["one.\ntwo.", "three."]),
        ({"chunk_size": 3, "chunk_overlap": 1, "separator": ","}, "a,b,c", ["a,b", "b,c"]),
        ({"chunk_size": 3, "chunk_overlap": 0, "separator": "\\n"}, "a\nb\nc", ["a\nb", "c"]),
    ],
)
def test_a_text_is_split_and_each_chunk_is_formatted(
    client: httpx2.Client, split: dict[str, Any], text: str, chunks: list[str]
) -> None:
    assert run_for_text(client, split_and_parse_flow(split, pattern="<{text}>", sep=""), text) == "".join(
        f"<{chunk}>" for chunk in chunks
    )


def test_stringify_converts_a_table_to_markdown(client: httpx2.Client) -> None:
    data = split_and_parse_flow({"chunk_size": 2, "chunk_overlap": 0, "separator": " "}, mode="Stringify")
    assert run_for_text(client, data, "a| b") == "| text   |\n|:-------|\n| a|     |\n| b      |"


def test_an_overlap_above_the_chunk_size_fails_with_a_remedy(client: httpx2.Client) -> None:
    data = split_and_parse_flow({"chunk_size": 1, "chunk_overlap": 5})
    flow = client.post("/api/v1/flows/", json={"name": f"f {uuid.uuid4()}", "data": data}).json()["id"]
    answer = client.post(f"/api/v1/run/{flow}", json={"input_value": "x"})
    assert (answer.status_code, "Set Chunk Overlap below Chunk Size" in answer.text) == (500, True)


def test_each_chunk_passes_through_the_body_of_a_loop(client: httpx2.Client) -> None:
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("SplitText", "SplitText-s", chunk_size=1, chunk_overlap=0, separator=" ")
        .node("LoopComponent", "Loop-l")
        .node("ParserComponent", "Parser-each", pattern="[{text}]")
        .node("ParserComponent", "Parser-all", pattern="{text}", sep="+")
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "SplitText-s", "data_inputs")
        .edge("SplitText-s", "dataframe", "Loop-l", "data")
        .edge("Loop-l", "item", "Parser-each", "input_data")
        .edge("Loop-l", "done", "Parser-all", "input_data")
        .edge("Parser-all", "parsed_text", "ChatOutput-b", "input_value")
    )
    loop_edge = {
        "source": "Parser-each",
        "target": "Loop-l",
        "data": {
            "sourceHandle": {"id": "Parser-each", "name": "parsed_text", "output_types": ["Message"]},
            "targetHandle": {"id": "Loop-l", "name": "item", "dataType": "LoopComponent", "output_types": ["Data"]},
        },
    }
    flow.data["edges"].append(loop_edge)
    assert run_for_text(client, flow.data, "a b c") == "[a]+[b]+[c]"


RECORDS = st.lists(st.fixed_dictionaries({"text": st.text(max_size=5), "n": st.integers(0, 9)}), min_size=1, max_size=5)


@given(RECORDS)
def test_a_table_a_list_and_a_single_value_have_the_same_records(rows: list[dict[str, Any]]) -> None:
    assert records_of(dataframe(rows)) == records_of([Data(data=row) for row in rows]) == rows
    assert [records_of(Data(data=row)) for row in rows] == [[row] for row in rows]
    assert len(as_text(dataframe(rows)).splitlines()) >= len(rows) + 2
    assert records_of(Message(text="x")) == [{"text": "x"}]
