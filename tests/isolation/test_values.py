"""What goes to isolated code comes back as it was, and what is no value is refused or lent."""

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

from headrace.isolation.frames import Peer, PeerGoneError, RemoteError
from headrace.isolation.lending import GoneError, Lending
from headrace.isolation.values import NoValueError, from_json, to_json
from headrace.schema import Data, Message
from headrace.schema.dataframe import DataFrame


def there_and_back(value: object) -> Any:
    return from_json(orjson.loads(orjson.dumps(to_json(value, lambda _: None))), list)


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
def test_values_come_back_as_they_were(value: object) -> None:
    found = there_and_back(value)
    assert found == value
    assert type(found) is type(value)


@given(st.builds(Message, text=TEXTS, sender=TEXTS, files=st.lists(TEXTS), content_blocks=st.just([{"title": "t"}])))
def test_messages_come_back_as_they_were(message: Message) -> None:
    assert there_and_back(message) == message


def test_tables_keep_their_columns_types_and_rows() -> None:
    table = DataFrame(
        {
            "whole": [1, 2],
            "part": [0.5, float("nan")],
            "word": ["a", None],
            "when": pandas.to_datetime(["2026-01-02", None]),
            "yes": [True, False],
            ("two", "parts"): [date(2026, 1, 2), {"a": 1}],
        }
    )
    found = there_and_back(table)
    pandas.testing.assert_frame_equal(found, table)
    assert isinstance(found, DataFrame)
    pandas.testing.assert_frame_equal(
        there_and_back(table.set_index("whole")), table.set_index("whole"), check_names=False
    )


def test_what_has_no_form_of_its_own_is_refused() -> None:
    for value in (object(), lambda: None, [object()], Data(data={"a": object()})):
        with pytest.raises(NoValueError, match="cannot go to or from isolated code"):
            to_json(value, lambda _: None)
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(NoValueError):
        to_json(deep, lambda _: None)


class Sides:
    """The two sides of a run, on a real channel."""

    def __init__(self) -> None:
        self.server: Lending
        self.worker: Lending

    async def __aenter__(self) -> Sides:
        one, other = socket.socketpair()
        peers = []
        for name, end in (("server", one), ("worker", other)):
            reader, writer = await asyncio.open_connection(sock=end)

            async def answer(op: str, args: dict[str, Any], name: str = name) -> Any:
                return await getattr(self, name).answer(op, args)

            peers.append(Peer(reader, writer, answer, lambda *_: None))
        self._tasks = [asyncio.create_task(peer.run()) for peer in peers]
        self.server = Lending(peers[0].ask, lends_anything=False)
        self.worker = Lending(peers[1].ask, lends_anything=True)
        self.channel = one
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def test_tools_models_and_embeddings_work_from_the_other_side() -> None:
    def doubled(word: str) -> str:
        """Double a word."""
        return word * 2

    async def go() -> None:
        async with Sides() as sides:
            worker, server = sides.worker, sides.server
            tool = server.read(worker.write(StructuredTool.from_function(doubled)))
            assert (tool.name, tool.args["word"]["type"]) == ("doubled", "string")
            assert await tool.ainvoke({"word": "ab"}) == "abab"
            assert await asyncio.to_thread(tool.invoke, {"word": "a"}) == "aa"
            with pytest.raises(RemoteError):
                await tool.ainvoke({"no": 1})
            vectors = DeterministicFakeEmbedding(size=3)
            embeddings = server.read(worker.write(vectors))
            assert await embeddings.aembed_query("x") == vectors.embed_query("x")
            assert await asyncio.to_thread(embeddings.embed_documents, ["x"]) == vectors.embed_documents(["x"])
            model = server.read(worker.write(FakeListChatModel(responses=["one two", "again"])))
            assert (await model.ainvoke("hi")).text == "one two"
            assert "".join([str(c.text) async for c in model.astream("hi")]) == "again"
            # What comes back is the object itself.
            assert worker.read(server.write(embeddings)) is vectors
            # The server lends tools, and nothing that it has no word for.
            lent = worker.read(server.write(StructuredTool.from_function(doubled)))
            assert await lent.ainvoke({"word": "c"}) == "cc"
            with pytest.raises(NoValueError):
                server.write(object())
            held = server.read(worker.write(Path))
            assert type(held).__name__ == "type"
            with pytest.raises(NoValueError):
                Lending(server.ask, lends_anything=False).write(held)
            with pytest.raises(GoneError):
                server.read({"~": ["yours", 99]})

    asyncio.run(go())


def test_a_message_that_still_speaks_is_heard_on_the_other_side() -> None:
    async def words() -> Any:
        for word in ("a", "b"):
            yield word

    async def go() -> list[str]:
        async with Sides() as sides:
            message = sides.server.read(sides.worker.write(Message(sender="Machine", stream=words())))
            assert message.sender == "Machine"
            return [chunk async for chunk in message.stream]

    assert asyncio.run(go()) == ["a", "b"]


def test_whoever_asks_a_side_that_ends_is_told() -> None:
    async def go() -> None:
        async with Sides() as sides:
            asked = asyncio.create_task(sides.worker.ask("next", {"object": 1}))
            sides.channel.close()
            with pytest.raises((PeerGoneError, RemoteError)):
                await asked

    asyncio.run(go())


def test_known_values_have_known_forms() -> None:
    """A server and its workers are of one version; the forms are still fixed, for whoever reads a trace."""
    assert to_json((1, float("inf")), lambda _: None) == {"~": ["tuple", [1, {"~": ["float", "inf"]}]]}
    assert to_json(b"x", lambda _: None) == {"~": ["bytes", "eA=="]}
    assert to_json(UUID(int=0), lambda _: None) == {"~": ["UUID", "00000000-0000-0000-0000-000000000000"]}
    assert to_json(datetime(2026, 1, 2, tzinfo=UTC), lambda _: None) == {"~": ["datetime", "2026-01-02T00:00:00+00:00"]}
    assert there_and_back(Decimal("1.50")) == Decimal("1.50")
