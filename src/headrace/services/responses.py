"""Responses of the OpenAI API: their runs, and those that are stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson

from headrace.db import conversations, jobs, responses
from headrace.db.jobs import NewJob
from headrace.db.quotas import QuotaError
from headrace.db.responses import PENDING_STATUSES, NewResponse, ResponseLimits
from headrace.errors import HeadraceError, RetryLaterError
from headrace.formats.openai.errors import (
    ModelNotFoundError,
    ObjectNotFoundError,
    ParameterError,
)
from headrace.formats.openai.outcome import outcome_of
from headrace.formats.openai.response import Response
from headrace.formats.openai.response_items import check_item_ids
from headrace.formats.openai.response_request import ResponseRequest, turns_of_items
from headrace.jobs.job_worker import JobResult
from headrace.runs.errors import FlowNotFoundError
from headrace.runs.request import RunRequest
from headrace.services.openai_options import checked_options, client_errors
from headrace.services.response_history import History, needs_history

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.db.database import Database
    from headrace.formats.openai.flow_input import FlowInput
    from headrace.jobs.job_worker import JobWorker
    from headrace.runs.flow_resolver import FlowResolver, RunnableFlow
    from headrace.runs.runner import Runner
    from headrace.services.item_references import ItemReferences
    from headrace.services.response_history import HistoryFinder
    from headrace.settings import LimitSettings

#: The kind of the jobs of background responses.
JOB_KIND = "response"


@dataclass(frozen=True, slots=True)
class PreparedResponse:
    """A valid request, with the run that answers it."""

    owner: UUID
    request: ResponseRequest
    response: Response
    flow: RunnableFlow
    flow_input: FlowInput
    run_request: RunRequest
    #: The items of the request.
    items: list[dict[str, Any]]

    @property
    def session_id(self) -> str:
        """The session of the run."""
        return self.run_request.session_id or self.response.id


class ResponseService:
    """Prepares the runs of responses, and stores and returns responses, each owner's own."""

    def __init__(
        self,
        database: Database,
        resolver: FlowResolver,
        runner: Runner,
        history: HistoryFinder,
        references: ItemReferences,
        job_worker: JobWorker,
        limits: LimitSettings,
    ) -> None:
        """Create the service, and let the job worker run background responses.

        Args:
            database: stores responses.
            resolver: finds flows.
            runner: runs flows in the background.
            history: finds what requests continue.
            references: finds the items that requests reference.
            job_worker: runs the jobs of background responses.
            limits: the limits of stored responses and conversations.

        """
        self._database = database
        self._resolver = resolver
        self._runner = runner
        self._job_worker = job_worker
        self._limits = ResponseLimits(limits.max_responses, limits.max_response_bytes)
        self._history = history
        self._references = references
        self._max_conversation_bytes = limits.max_conversation_bytes
        job_worker.register(JOB_KIND, self)

    async def prepare(
        self,
        owner: UUID,
        request: ResponseRequest,
        variables: Mapping[str, str] | None = None,
        response: Response | None = None,
    ) -> PreparedResponse:
        """Check a request and return it with its run.

        Args:
            owner: the caller, whose flow runs.
            request: the request.
            variables: the variables of the run.
            response: the response, if it has an id already.

        Raises:
            ParameterError: A parameter is not valid, the id of an item is too long or repeated, or the flow cannot honour it.
            ModelNotFoundError: The owner has no such flow.
            ObjectNotFoundError: The owner has no such conversation or file.

        """
        request.check()
        response = response or Response(request)
        try:
            flow = await self._resolver.resolve(owner, request.model)
        except FlowNotFoundError as error:
            raise ModelNotFoundError(request.model) from error
        request = await self._references.resolve(owner, request)
        items = request.input_items()
        check_item_ids(items, "input")
        continuation = await self._history.find(owner, request, response.id)
        if request.conversation_id is not None:
            await self._history.check_conversation_size(owner, items)
        run_request = RunRequest(
            session_id=continuation.session_id,
            variables=variables or {},
            stream=bool(request.stream),
            record_id=uuid4(),
        )
        history = History()
        if needs_history(flow.plan, run_request, items):
            history = await self._history.load(owner, continuation)
        paths, earlier = await self._history.with_files(owner, request, history.items)
        flow_input = request.flow_input(paths, turns_of_items(earlier, paths))
        run_request = replace(run_request, history_bytes=history.size)
        run_request = checked_options(flow.plan, run_request, flow_input)
        return PreparedResponse(owner, request, response, flow, flow_input, run_request, items)

    async def save(self, prepared: PreparedResponse, body: dict[str, Any]) -> dict[str, Any]:
        """Store a response whose run has ended, add its items to its conversation unless it failed, and return it.

        A response whose items are too large for the conversation fails; it has its output all the same.
        """
        if not prepared.request.is_stored and prepared.request.conversation_id is None:
            return body

        async def write(connection: AsyncConnection) -> dict[str, Any]:
            final = await self._fitting(connection, prepared, body)
            if prepared.request.is_stored:
                new = NewResponse(prepared.owner, prepared.session_id, final, prepared.items)
                await responses.add(connection, new, self._limits)
            await _extend_conversation(connection, prepared, final)
            return final

        return await self._database.write(write)

    async def _fitting(
        self, connection: AsyncConnection, prepared: PreparedResponse, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Return a response, as failed if its items are too large for its conversation."""
        if prepared.request.conversation_id is None or body["status"] == "failed":
            return body
        try:
            items = [*prepared.items, *body["output"]]
            await conversations.check_size(connection, prepared.owner, items, self._max_conversation_bytes)
        except QuotaError as error:
            return {**prepared.response.failed(error, body["output"]), "usage": body["usage"]}
        return body

    async def enqueue(self, prepared: PreparedResponse) -> dict[str, Any]:
        """Store a background response with the job that runs it, and return it.

        Raises:
            TooManyJobsError: Too many jobs of the owner are waiting.
            ParameterError: The run has variables, which are not stored.

        """
        if prepared.run_request.variables:
            raise ParameterError(
                "background", "Variables in headers are not stored, so a background response cannot have them."
            )
        body = prepared.response.body("queued")
        job_request = {
            "kind": JOB_KIND,
            "response_id": prepared.response.id,
            "created": prepared.response.created,
            "body": prepared.request.model_dump(exclude_unset=True),
        }
        digest = hashlib.sha256(orjson.dumps(job_request)).hexdigest()

        async def store_response(connection: AsyncConnection, job: RowMapping) -> None:
            new = NewResponse(prepared.owner, prepared.session_id, body, prepared.items, job["id"])
            await responses.add(connection, new, self._limits)

        await self._job_worker.enqueue(
            NewJob(prepared.owner, prepared.flow.flow_id, job_request, digest), store_response
        )
        return body

    async def run(self, row: RowMapping) -> JobResult:
        """Run the job of a background response."""
        job: dict[str, Any] = row["request"]
        request = ResponseRequest.model_validate(job["body"])
        response = Response(request, job["response_id"], job["created"])
        await self._database.write(lambda c: responses.change(c, response.id, response.body("in_progress")))
        try:
            prepared = await self.prepare(row["user_id"], request, response=response)
            with client_errors(prepared.flow_input):
                result = await self._runner.run(row["user_id"], prepared.flow, prepared.run_request)
        except RetryLaterError:
            # The server is at a limit or is being stopped. The job worker returns the job to the queue.
            raise
        except HeadraceError as error:
            return self._failure(response, error)
        body = response.completed(outcome_of(result))

        async def store(connection: AsyncConnection) -> None:
            final = await self._fitting(connection, prepared, body)
            if await responses.change(connection, response.id, final):
                await _extend_conversation(connection, prepared, final)

        return JobResult(store=store)

    def fail(self, row: RowMapping, error: HeadraceError) -> JobResult:
        """Return the result of a job that failed for a reason outside of its run."""
        job: dict[str, Any] = row["request"]
        request = ResponseRequest.model_validate(job["body"])
        return self._failure(Response(request, job["response_id"], job["created"]), error)

    def _failure(self, response: Response, error: HeadraceError) -> JobResult:
        body = response.failed(error)

        async def store(connection: AsyncConnection) -> None:
            await responses.change(connection, response.id, body)

        return JobResult(error.message, store)

    async def get(self, owner: UUID, response_id: str) -> dict[str, Any]:
        """Return one of the owner's stored responses.

        Raises:
            ObjectNotFoundError: The owner has no such response.

        """
        row = await self._row(owner, response_id)
        if row["status"] in PENDING_STATUSES and await self._has_lost_its_job(owner, row):
            message = "The flow was deleted before the run had ended."
            body = {**row["body"], "status": "failed", "error": {"code": "server_error", "message": message}}
            await self._database.write(lambda c: responses.change(c, response_id, body))
            row = await self._row(owner, response_id)
        stored: dict[str, Any] = row["body"]
        return stored

    async def input_items(self, owner: UUID, response_id: str) -> list[dict[str, Any]]:
        """Return the input items of one of the owner's stored responses.

        Raises:
            ObjectNotFoundError: The owner has no such response.

        """
        async with self._database.connect() as connection:
            items = await responses.get_input(connection, owner, response_id)
        if items is None:
            raise ObjectNotFoundError("response", response_id)
        return items

    async def delete(self, owner: UUID, response_id: str) -> None:
        """Delete one of the owner's stored responses, and stop its run.

        Raises:
            ObjectNotFoundError: The owner has no such response.

        """

        async def remove(connection: AsyncConnection) -> RowMapping | None:
            row = await responses.remove(connection, owner, response_id)
            if row is not None and row["job_id"] is not None:
                await jobs.cancel(connection, owner, row["job_id"])
            return row

        row = await self._database.write(remove)
        if row is None:
            raise ObjectNotFoundError("response", response_id)
        self._abort(row)

    async def cancel(self, owner: UUID, response_id: str) -> dict[str, Any]:
        """Stop the run of a background response and return the response. A response that has ended stays as it is.

        Raises:
            ObjectNotFoundError: The owner has no such response.
            ParameterError: It is not a background response.

        """
        row = await self._row(owner, response_id)
        if row["job_id"] is None:
            raise ParameterError("response_id", "Only a response that was created with 'background' can be cancelled.")
        body = {**row["body"], "status": "cancelled"}

        async def stop(connection: AsyncConnection) -> None:
            if await responses.change(connection, response_id, body):
                await jobs.cancel(connection, owner, row["job_id"])

        await self._database.write(stop)
        self._abort(row)
        return await self.get(owner, response_id)

    def _abort(self, row: RowMapping) -> None:
        if row["job_id"] is not None:
            self._job_worker.abort(row["job_id"])

    async def _row(self, owner: UUID, response_id: str) -> RowMapping:
        async with self._database.connect() as connection:
            row = await responses.get(connection, owner, response_id)
        if row is None:
            raise ObjectNotFoundError("response", response_id)
        return row

    async def _has_lost_its_job(self, owner: UUID, row: RowMapping) -> bool:
        """Return whether the job of a pending response is gone, which happens when its flow is deleted."""
        async with self._database.connect() as connection:
            return await jobs.get(connection, owner, row["job_id"]) is None


async def _extend_conversation(
    connection: AsyncConnection, prepared: PreparedResponse, body: Mapping[str, Any]
) -> None:
    conversation_id = prepared.request.conversation_id
    if conversation_id is not None and body["status"] != "failed":
        await conversations.add_items(connection, prepared.owner, conversation_id, [*prepared.items, *body["output"]])
