"""What a response continues: a session, and the items of earlier responses or of a conversation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from headrace.db import conversations, responses
from headrace.formats.openai.errors import ObjectNotFoundError, ParameterError
from headrace.formats.openai.response_events import RESPONSE_PREFIX
from headrace.formats.openai.response_items import InputItem
from headrace.limits.byte_budget import readable_size
from headrace.limits.large_values import call_off_loop
from headrace.runs.answering_models import answering_models
from headrace.runs.tweaks import MAX_FILES

if TYPE_CHECKING:
    from headrace.db.database import Database
    from headrace.formats.openai.content_parts import ContentPart
    from headrace.formats.openai.response_request import ResponseRequest
    from headrace.graph.plan import Plan
    from headrace.runs.request import RunRequest
    from headrace.runs.runner import Runner
    from headrace.services.openai_files import OpenAIFileService

#: The maximum numbers of earlier responses and of items that a response continues, and their maximum size in bytes. Older
#: ones are omitted.
MAX_EARLIER_RESPONSES = 200
MAX_HISTORY_ITEMS = 2000
MAX_HISTORY_BYTES = 8_000_000
#: The type of the component that reads the messages of a session.
_HISTORY_COMPONENT = "Memory"


@dataclass(frozen=True, slots=True)
class Continuation:
    """What a new response continues.

    Attributes:
        session_id: the session of the run.
        response_sizes: the sizes of the previous response and those before it in bytes, by id, newest first.
        conversation_id: the conversation, if the response continues one.

    """

    session_id: str
    response_sizes: Mapping[str, int] = field(default_factory=dict)
    conversation_id: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The items of the earlier responses, or of the conversation, oldest first, and their size in bytes."""

    items: tuple[InputItem, ...] = ()
    size: int = 0


class HistoryFinder:
    """Finds what the responses of each owner continue."""

    def __init__(
        self, database: Database, files: OpenAIFileService, runner: Runner, max_conversation_bytes: int
    ) -> None:
        """Create the service.

        Args:
            database: stores responses and conversations.
            files: finds the files of items.
            runner: counts the bytes of items while they are read.
            max_conversation_bytes: the maximum size of the items in an owner's conversations.

        """
        self._database = database
        self._files = files
        self._runner = runner
        self._max_conversation_bytes = max_conversation_bytes

    async def find(self, owner: UUID, request: ResponseRequest, response_id: str) -> Continuation:
        """Return what a new response continues, without its items.

        Raises:
            ParameterError: The owner has no such previous response.
            ObjectNotFoundError: The owner has no such conversation.

        """
        conversation_id, previous = request.conversation_id, request.previous_response_id
        if conversation_id is not None:
            async with self._database.connect() as connection:
                if await conversations.get(connection, owner, conversation_id) is None:
                    raise ObjectNotFoundError("conversation", conversation_id, "conversation")
            return Continuation(conversation_id, conversation_id=conversation_id)
        if previous is None:
            return Continuation(response_id)
        if not previous.startswith(RESPONSE_PREFIX):
            # A session, as in Langflow.
            return Continuation(previous)
        async with self._database.connect() as connection:
            chain = await responses.list_chain(connection, owner, previous, MAX_EARLIER_RESPONSES)
        if not chain:
            raise ParameterError(
                "previous_response_id",
                f"Previous response with id '{previous}' not found. It was deleted or not stored.",
                "previous_response_not_found",
            )
        return Continuation(chain[0]["session_id"], {row["id"]: row["size"] for row in chain})

    async def load(self, owner: UUID, continuation: Continuation) -> History:
        """Return the newest items of what a response continues, within the limits.

        Raises:
            ParameterError: The newest response or item is larger than allowed.
            RunMemoryError: The values of the active runs leave no memory for them.

        """
        if continuation.conversation_id is not None:
            return await self._load_conversation(owner, continuation.conversation_id)
        sizes = continuation.response_sizes
        count, size = _newest_within(list(sizes.values()), MAX_HISTORY_BYTES)
        if sizes and not count:
            raise _too_large("previous_response_id", "The previous response", "Start a new session")
        ids = list(sizes)[:count]
        with self._runner.open_budget(owner) as budget:
            budget.hold_response(size, "The earlier responses")
            async with self._database.connect() as connection:
                texts = await responses.read_items(connection, owner, ids)
            ordered = [text for response_id in reversed(ids) for text in texts.get(response_id, ())]
            is_whole = count == len(sizes) < MAX_EARLIER_RESPONSES
            return await call_off_loop(size, partial(_history_of, ordered, size, is_whole=is_whole))

    async def _load_conversation(self, owner: UUID, conversation_id: str) -> History:
        with self._runner.open_budget(owner) as budget:
            async with self._database.connect() as connection:
                sizes = await conversations.newest_sizes(connection, owner, conversation_id, MAX_HISTORY_ITEMS)
                count, size = _newest_within(sizes, MAX_HISTORY_BYTES)
                if sizes and not count:
                    raise _too_large("conversation", "The newest item of the conversation", "Delete it")
                budget.hold_response(size, "The items of the conversation")
                texts = await conversations.read_newest(connection, owner, conversation_id, count)
            is_whole = count == len(sizes) < MAX_HISTORY_ITEMS
            return await call_off_loop(size, partial(_history_of, texts[::-1], size, is_whole=is_whole))

    async def check_conversation_size(self, owner: UUID, items: Sequence[dict[str, Any]]) -> None:
        """Check before a run that the owner may add its input to conversations; its output is checked when it is stored.

        Raises:
            QuotaError: The owner has too many items.

        """
        async with self._database.connect() as connection:
            await conversations.check_size(connection, owner, items, self._max_conversation_bytes)

    async def with_files(
        self, owner: UUID, request: ResponseRequest, earlier: Sequence[InputItem]
    ) -> tuple[dict[str, str], list[InputItem]]:
        """Return the paths of files by id, and earlier items without the parts whose file is missing.

        A file is missing if it has been deleted since, or if newer parts refer to the maximum number of files.

        Raises:
            ParameterError: The request has too many files.
            ObjectNotFoundError: The owner has no file of the request.

        """
        own = list(request.file_ids())
        paths = await self._files.request_paths(owner, own, "input")
        newest = (file_id for item in reversed(earlier) for file_id in reversed(list(item.file_ids())))
        remaining = MAX_FILES - len(own)
        paths |= await self._files.paths(owner, islice(newest, remaining))
        return paths, _without_missing_files(earlier, paths, remaining)


def needs_history(plan: Plan, run_request: RunRequest, items: Sequence[dict[str, Any]]) -> bool:
    """Return whether the model of a flow gets the earlier items: a flow with Message History reads the session itself."""
    if any(item["type"] == "function_call_output" for item in items):
        return True
    if any(vertex.component.type_name() == _HISTORY_COMPONENT for vertex in plan.vertices.values()):
        return False
    return bool(answering_models(plan, run_request))


def _without_missing_files(items: Sequence[InputItem], paths: Mapping[str, str], max_files: int) -> list[InputItem]:
    """Return items without parts whose file has no path, and without those before the newest `max_files` files."""
    remaining = max_files
    newest_first: list[InputItem] = []
    for item in reversed(items):
        complete = item
        if isinstance(item.content, list):
            parts: list[ContentPart] = []
            for part in reversed(item.content):
                file_ids = list(part.file_ids())
                remaining -= len(file_ids)
                if not file_ids or (remaining >= 0 and all(file_id in paths for file_id in file_ids)):
                    parts.append(part)
            complete = item.model_copy(update={"content": parts[::-1]})
        newest_first.append(complete)
    return newest_first[::-1]


def _newest_within(sizes: Sequence[int], max_bytes: int) -> tuple[int, int]:
    """Return the number of the first values that take at most `max_bytes` together, and their size."""
    total = 0
    for count, size in enumerate(sizes):
        if total + size > max_bytes:
            return count, total
        total += size
    return len(sizes), total


def _too_large(parameter: str, thing: str, remedy: str) -> ParameterError:
    return ParameterError(
        parameter,
        f"{thing} takes more than {readable_size(MAX_HISTORY_BYTES)}, the maximum size of earlier items. {remedy}, and "
        "upload large files instead of sending them in messages.",
    )


def _history_of(texts: Iterable[str], size: int, *, is_whole: bool) -> History:
    """Return the items in JSON texts, each of which is an item, a list of items, or a response with its output.

    Args:
        texts: the texts, oldest first.
        size: their size in bytes.
        is_whole: whether no older texts were omitted.

    """
    values: list[Any] = []
    for text in texts:
        value = orjson.loads(text)
        if isinstance(value, list):
            values += value
        elif value.get("object") == "response":
            values += value["output"]
        else:
            values.append(value)
    items = [InputItem.model_validate(value) for value in values[-MAX_HISTORY_ITEMS:]]
    return History(tuple(items if is_whole and len(items) == len(values) else _without_cut_turns(items)), size)


def _without_cut_turns(items: Sequence[InputItem]) -> list[InputItem]:
    """Return items without an answer at their start whose question was omitted, and without results whose call was."""
    first = next((n for n, item in enumerate(items) if item.type == "message" and item.role != "assistant"), 0)
    call_ids: set[str | None] = set()
    complete: list[InputItem] = []
    for item in items[first:]:
        if item.type == "function_call":
            call_ids.add(item.call_id)
        if item.type != "function_call_output" or item.call_id in call_ids:
            complete.append(item)
    return complete
