"""Webhooks: other programs begin a flow and do not wait for it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel

from headrace.api.errors import ConflictError
from headrace.api.json_body import StrictRoute
from headrace.api.state import Server, State, caller_if_any, require_credentials
from headrace.graph.errors import FlowError
from headrace.runs.request import STRANGER
from headrace.runs.runner import FlowNotFoundError, Target
from headrace.runs.webhook import SECRET_FIELD, check_signature, entrances, payload_text, request_json
from headrace.store import flows
from headrace.store.jobs import JobStatus, NewJob

if TYPE_CHECKING:
    from headrace.auth.callers import Caller

router = APIRouter(prefix="/api/v1", tags=["Webhooks"], route_class=StrictRoute)

MOST_KEY = 255

_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "The flow cannot be run as it is drawn"},
    401: {"description": "The signature is missing or does not fit"},
    403: {"description": "The operator wants credentials here"},
    404: {"description": "There is no such flow, or none that this caller may begin"},
    409: {"description": "Several users have a flow of this endpoint name"},
    413: {"description": "The payload is too large"},
    422: {"description": "The idempotency key was sent before, with another payload"},
    429: {"description": "Too many calls of this flow, or too many of its owner's runs wait"},
}
_ANYTHING = {"requestBody": {"required": False, "content": {"*/*": {"schema": {}}}}}


class Accepted(BaseModel):
    """A run that is on its way; its owner reads under `/jobs` how it ended."""

    message: str = "Task started in the background"
    status: str = "in progress"
    job_id: UUID


Name = Annotated[str | None, Header(max_length=MOST_KEY)]


@router.post("/webhook/{flow_id_or_name}", status_code=202, responses=_RESPONSES, openapi_extra=_ANYTHING)
async def webhook(
    flow_id_or_name: str,
    request: Request,
    server: Server,
    user_id: Annotated[UUID | None, Query(description="Whose flow it is, where several users have this name.")] = None,
    x_hub_signature_256: Annotated[str | None, Header(description="`sha256=` and the body's HMAC in hex.")] = None,
    idempotency_key: Annotated[Name, Header(description="The same call again is not run again, for a day.")] = None,
    webhook_id: Name = None,
    x_github_delivery: Name = None,
) -> Accepted:
    """Begin a flow with whatever is sent, as its owner, and answer at once. What is answered with 202 is not lost."""
    caller = await (require_credentials if server.settings.webhook_auth_enable else caller_if_any)(request)
    owner, target = await _target(server, caller, flow_id_or_name, user_id)
    body = await request.body()
    is_stranger = caller is None or caller.id != owner
    for vertex in entrances(target.plan):
        secret = await server.runner.field_value(owner, target, vertex, SECRET_FIELD)
        if secret:
            check_signature(secret, body, x_hub_signature_256)
            is_stranger = False
    server.webhook_rate.take(str(target.flow_id))
    text = payload_text(body, request.headers.get("content-type", ""))
    job = NewJob(
        owner,
        target.flow_id,
        {**request_json(target.plan, text), STRANGER: is_stranger},
        hashlib.sha256(body).hexdigest(),
        idempotency_key or webhook_id or x_github_delivery or None,
    )
    row = await server.jobs.accept(job)
    told = {JobStatus.SUCCEEDED: "completed", JobStatus.FAILED: "failed"}
    return Accepted(job_id=row["id"], status=told.get(row["status"], "in progress"))


async def _target(server: State, caller: Caller | None, id_or_name: str, user_id: UUID | None) -> tuple[UUID, Target]:
    """Return a flow and its owner: any of the caller's own, or one that holds a Webhook where callers may be unknown.

    Raises:
        FlowNotFoundError: the caller may begin no such flow.
        FlowError: it cannot be run as it is drawn; only its owner is told why.

    """
    if caller is not None:
        try:
            return caller.id, await server.runner.target(caller.id, id_or_name)
        except FlowNotFoundError:
            if server.settings.webhook_auth_enable:
                raise
    async with server.store.reading() as connection:
        found = await flows.webhooks(connection, id_or_name, user_id)
    if not found:
        raise FlowNotFoundError(id_or_name)
    if len(found) > 1:
        raise ConflictError(
            f"Several users have a flow named {id_or_name!r}. Call it by its id, or add ?user_id= and its owner's."
        )
    owner = found[0]["user_id"]
    try:
        return owner, await server.runner.target(owner, str(found[0]["id"]))
    except FlowError as error:
        raise FlowError("This flow cannot be run as it is drawn. Its owner is told why when they build it.") from error
