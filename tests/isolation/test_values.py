"""Values pass unchanged between the server and its workers; other objects are rejected or passed by reference."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models import FakeListChatModel
from langchain_core.tools import StructuredTool

from headrace.isolation.rpc.connection import ConnectionClosedError, RemoteError, RpcConnection
from headrace.isolation.rpc.decoding import decode
from headrace.isolation.rpc.encoding import UnsupportedValueError, encode, reject_references
from headrace.isolation.rpc.object_table import ObjectTable
from headrace.isolation.rpc.remote_ref import StaleReferenceError
from headrace.schema import Data, Message
from headrace.schema.dataframe import DataFrame


def round_trip(value: object) -> Any:
    return decode(orjson.loads(orjson.dumps(encode(value, reject_references))), list)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | TEXTS
    | st.binary()
    | st.dates()
    | st.datetimes()
    | st.uuids()
    | st.decimals(allow_nan=False)
)
KEYS = TEXTS | st.integers() | st.tuples(st.integers(), TEXTS)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(KEYS, inner)
        | st.lists(inner).map(tuple)
        | st.sets(st.integers())
        | st.dictionaries(TEXTS, inner).map(lambda d: Data(data=d))
        | st.builds(Document, page_content=TEXTS, metadata=st.dictionaries(TEXTS, st.integers()))
        | st.just({"~": ["Message", {}, {}]})
    ),
    max_leaves=12,
)


@given(VALUES)
def test_a_value_is_equal_after_a_round_trip(value: object) -> None:
    result = round_trip(value)
    assert result == value
    assert type(result) is type(value)


@given(st.builds(Message, text=TEXTS, sender=TEXTS, files=st.lists(TEXTS), content_blocks=st.just([{"title": "t"}])))
def test_a_message_is_equal_after_a_round_trip(message: Message) -> None:
    assert round_trip(message) == message


def test_tables_keep_their_columns_types_and_rows() -> None:
    table = DataFrame(
        {
            "integer": [1, 2],
            "part": [0.5, float("nan")],
            "word": ["a", None],
            "when": pandas.to_datetime(["2026-01-02", None]),
            "yes": [True, False],
            ("two", "parts"): [date(2026, 1, 2), {"a": 1}],
        }
    )
    result = round_trip(table)
    pandas.testing.assert_frame_equal(result, table)
    assert isinstance(result, DataFrame)
    pandas.testing.assert_frame_equal(
        round_trip(table.set_index("integer")), table.set_index("integer"), check_names=False
    )


def test_an_object_without_an_encoding_is_rejected() -> None:
    for value in (object(), lambda: None, [object()], Data(data={"a": object()})):
        with pytest.raises(UnsupportedValueError, match="cannot be sent to or from isolated code"):
            encode(value, reject_references)
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(UnsupportedValueError):
        encode(deep, reject_references)


class Sides:
    """The object tables of a server and a worker, connected by a socket pair."""

    def __init__(self) -> None:
        self.server: ObjectTable
        self.worker: ObjectTable

    async def __aenter__(self) -> Sides:
        one, other = socket.socketpair()
        peers = []
        for name, end in (("server", one), ("worker", other)):
            reader, writer = await asyncio.open_connection(sock=end)

            async def handle_request(op: str, args: dict[str, Any], name: str = name) -> Any:
                return await getattr(self, name).handle_request(op, args)

            peers.append(RpcConnection(reader, writer, handle_request, lambda *_: None))
        self._tasks = [asyncio.create_task(peer.run()) for peer in peers]
        self.server = ObjectTable(peers[0].request, allow_opaque=False)
        self.worker = ObjectTable(peers[1].request, allow_opaque=True)
        self.channel = one
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def test_tools_models_and_embeddings_can_be_called_by_reference() -> None:
    def doubled(word: str) -> str:
        """Double a word."""
        return word * 2

    async def go() -> None:
        async with Sides() as sides:
            worker, server = sides.worker, sides.server
            tool = server.decode(worker.encode(StructuredTool.from_function(doubled)))
            assert (tool.name, tool.args["word"]["type"]) == ("doubled", "string")
            assert await tool.ainvoke({"word": "ab"}) == "abab"
            assert await asyncio.to_thread(tool.invoke, {"word": "a"}) == "aa"
            with pytest.raises(RemoteError):
                await tool.ainvoke({"no": 1})
            vectors = DeterministicFakeEmbedding(size=3)
            embeddings = server.decode(worker.encode(vectors))
            assert await embeddings.aembed_query("x") == vectors.embed_query("x")
            assert await asyncio.to_thread(embeddings.embed_documents, ["x"]) == vectors.embed_documents(["x"])
            model = server.decode(worker.encode(FakeListChatModel(responses=["one two", "again"])))
            assert (await model.ainvoke("hi")).text == "one two"
            assert "".join([str(c.text) async for c in model.astream("hi")]) == "again"
            # A reference that returns to its owner is the object itself.
            assert worker.decode(server.encode(embeddings)) is vectors
            # The server passes tools by reference, but no objects of unknown classes.
            remote_tool = worker.decode(server.encode(StructuredTool.from_function(doubled)))
            assert await remote_tool.ainvoke({"word": "c"}) == "cc"
            with pytest.raises(UnsupportedValueError):
                server.encode(object())
            reference = server.decode(worker.encode(Path))
            assert type(reference).__name__ == "type"
            with pytest.raises(UnsupportedValueError):
                ObjectTable(server.request, allow_opaque=False).encode(reference)
            with pytest.raises(StaleReferenceError):
                server.decode({"~": ["local", 99]})

    asyncio.run(go())


def test_the_stream_of_a_message_can_be_read_by_reference() -> None:
    async def words() -> Any:
        for word in ("a", "b"):
            yield word

    async def go() -> list[str]:
        async with Sides() as sides:
            message = sides.server.decode(sides.worker.encode(Message(sender="Machine", stream=words())))
            assert message.sender == "Machine"
            return [chunk async for chunk in message.stream]

    assert asyncio.run(go()) == ["a", "b"]


def test_a_request_fails_when_the_connection_closes() -> None:
    async def go() -> None:
        async with Sides() as sides:
            request = asyncio.ensure_future(sides.worker.request("get_next_item", {"object": 1}))
            sides.channel.close()
            with pytest.raises((ConnectionClosedError, RemoteError)):
                await request

    asyncio.run(go())


def test_values_have_a_fixed_encoding() -> None:
    """A server and its workers have the same version; the encoding is fixed so that traces stay readable."""
    assert encode((1, float("inf")), reject_references) == {"~": ["tuple", [1, {"~": ["float", "inf"]}]]}
    assert encode(b"x", reject_references) == {"~": ["bytes", "eA=="]}
    assert encode(UUID(int=0), reject_references) == {"~": ["UUID", "00000000-0000-0000-0000-000000000000"]}
    assert encode(datetime(2026, 1, 2, tzinfo=UTC), reject_references) == {
        "~": ["datetime", "2026-01-02T00:00:00+00:00"]
    }
    assert round_trip(Decimal("1.50")) == Decimal("1.50")
