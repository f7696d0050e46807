"""Webhooks: which flows a caller may start, and the jobs that calls become."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.db import flows
from headrace.db.jobs import NewJob
from headrace.errors import BadRequestError, ConflictError
from headrace.graph.errors import FlowError
from headrace.runs.errors import FlowNotFoundError
from headrace.runs.request import ANONYMOUS
from headrace.runs.webhook import SECRET_FIELD, check_signature, payload_text, to_run_input, webhook_vertices

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from headrace.auth.authenticator import User
    from headrace.auth.rate_limit import RateLimit
    from headrace.db.database import Database
    from headrace.jobs.job_worker import JobWorker
    from headrace.runs.flow_resolver import FlowResolver, RunnableFlow
    from headrace.runs.runner import Runner


@dataclass(frozen=True, slots=True)
class WebhookFlow:
    """A flow that a caller may start, and its owner."""

    owner: UUID
    flow: RunnableFlow


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """The content of a call.

    Attributes:
        body: the payload.
        content_type: the media type of the payload.
        signature: `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits.
        idempotency_key: a repeated call with this key returns the job of the first call.
        address: the network address of the caller.

    """

    body: bytes
    content_type: str
    signature: str | None = None
    idempotency_key: str | None = None
    address: str = ""


class EmptyPayloadError(BadRequestError):
    """A webhook was called without a body."""

    def __init__(self) -> None:
        super().__init__("The request body is empty. Send the payload for the flow as the body, such as {}.")


class WebhookService:
    """Starts flows in the background for callers with or without credentials."""

    def __init__(
        self,
        database: Database,
        resolver: FlowResolver,
        runner: Runner,
        job_worker: JobWorker,
        rate_limit: RateLimit,
        *,
        requires_credentials: bool,
    ) -> None:
        """Create the service.

        Args:
            database: the database with the flows.
            resolver: finds and compiles flows.
            runner: reads the signature secret of a flow, which may be a variable.
            job_worker: runs the jobs.
            rate_limit: the limit on calls per flow.
            requires_credentials: whether a call needs an API key, which starts only its owner's flows.

        """
        self._database = database
        self._resolver = resolver
        self._runner = runner
        self._job_worker = job_worker
        self._rate_limit = rate_limit
        self.requires_credentials = requires_credentials

    async def resolve_flow(self, caller: User | None, id_or_name: str, owner: UUID | None) -> WebhookFlow:
        """Return a flow that the caller may start: one of the caller's own, or any flow with a Webhook component.

        Args:
            caller: the authenticated user, or None for an anonymous caller.
            id_or_name: the flow's id or endpoint name.
            owner: the flow's owner, if several users have a flow with this endpoint name.

        Raises:
            FlowNotFoundError: The caller may not start such a flow.
            FlowError: The flow is invalid. Only its owner learns the reason.
            ConflictError: Several users have a flow with this endpoint name.

        """
        if caller is not None:
            try:
                return WebhookFlow(caller.id, await self._resolver.resolve(caller.id, id_or_name))
            except FlowNotFoundError:
                if self.requires_credentials:
                    raise
        return await self._resolve_webhook(id_or_name, owner)

    async def enqueue_call(self, caller: User | None, target: WebhookFlow, call: WebhookCall) -> RowMapping:
        """Store a call as a job and return the job's row.

        Raises:
            EmptyPayloadError: The call has no body.
            SignatureError: The flow has a signature secret, and the signature is missing or not valid.
            TooManyRequestsError: The flow is called too often.
            TooManyJobsError: Too many jobs of the flow's owner, or of the visitor, are waiting.
            IdempotencyConflictError: The idempotency key was used with another payload.

        """
        if not call.body:
            raise EmptyPayloadError
        flow = target.flow
        is_signed = await self._check_signatures(target, call)
        self._rate_limit.acquire(str(flow.flow_id))
        is_anonymous = not is_signed and (caller is None or caller.id != target.owner)
        run_input = to_run_input(flow.plan, payload_text(call.body, call.content_type))
        job = NewJob(
            target.owner,
            flow.flow_id,
            {**run_input, ANONYMOUS: is_anonymous},
            hashlib.sha256(call.body).hexdigest(),
            call.idempotency_key,
            call.address if is_anonymous else "",
        )
        return await self._job_worker.enqueue(job)

    async def _resolve_webhook(self, id_or_name: str, owner: UUID | None) -> WebhookFlow:
        async with self._database.connect() as connection:
            rows = await flows.find_webhooks(connection, id_or_name, owner)
        if not rows:
            raise FlowNotFoundError(id_or_name)
        if len(rows) > 1:
            raise ConflictError(
                f"Several users have a flow with the endpoint name {id_or_name!r}. "
                "Call the flow by its id, or add ?user_id= with the id of its owner."
            )
        flow_owner = rows[0]["user_id"]
        try:
            return WebhookFlow(flow_owner, await self._resolver.resolve(flow_owner, str(rows[0]["id"])))
        except FlowError as error:
            raise FlowError("This flow cannot be run. Its owner sees the reason in a build of the flow.") from error

    async def _check_signatures(self, target: WebhookFlow, call: WebhookCall) -> bool:
        """Check the call's signature against each secret in the flow; return whether there is a secret."""
        is_signed = False
        for vertex in webhook_vertices(target.flow.plan):
            secret = await self._runner.field_text(target.owner, target.flow, vertex, SECRET_FIELD)
            if secret:
                check_signature(secret, call.body, call.signature)
                is_signed = True
        return is_signed
