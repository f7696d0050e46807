"""Webhooks: other programs start a flow and do not wait for its result."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, Field

from headrace.api.dependencies import ServicesDep, optional_user, require_api_key
from headrace.api.http.client_address import client_address
from headrace.api.http.request_body import StrictJSONRoute
from headrace.db.jobs import JobStatus
from headrace.limits.account import Account, current_account
from headrace.services.webhooks import WebhookCall

router = APIRouter(prefix="/api/v1", tags=["Webhooks"], route_class=StrictJSONRoute)

#: The maximum length of an idempotency key, in characters.
MAX_IDEMPOTENCY_KEY = 255

_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "The body is empty, or the flow is invalid"},
    401: {"description": "The signature is missing or not valid"},
    403: {"description": "This server requires an API key for webhooks"},
    404: {"description": "The caller may not start a flow with this id or endpoint name"},
    409: {"description": "Several users have a flow with this endpoint name"},
    413: {"description": "The payload is too large"},
    422: {"description": "The idempotency key was used with another payload"},
    429: {"description": "The flow is called too often, or too many jobs of its owner are waiting"},
}
_ANY_BODY = {"requestBody": {"required": True, "content": {"*/*": {"schema": {}}}}}
_STATUS_TEXTS = {JobStatus.SUCCEEDED: "completed", JobStatus.FAILED: "failed"}


class WebhookAccepted(BaseModel):
    """An accepted call."""

    message: str = "Task started in the background"
    status: str = "in progress"
    job_id: UUID = Field(description="The id of the job that runs the flow. Its owner reads the outcome under `/jobs`.")


IdempotencyKey = Annotated[str | None, Header(max_length=MAX_IDEMPOTENCY_KEY)]


@router.post("/webhook/{flow_id_or_name}", status_code=202, responses=_RESPONSES, openapi_extra=_ANY_BODY)
async def webhook(
    flow_id_or_name: str,
    request: Request,
    server: ServicesDep,
    user_id: Annotated[
        UUID | None, Query(description="The flow's owner, if several users have a flow with this endpoint name.")
    ] = None,
    x_hub_signature_256: Annotated[
        str | None, Header(description="`sha256=` and the HMAC-SHA256 of the body in hexadecimal digits.")
    ] = None,
    idempotency_key: Annotated[
        IdempotencyKey, Header(description="For one day, a repeated call with this key does not run the flow again.")
    ] = None,
    webhook_id: IdempotencyKey = None,
    x_github_delivery: IdempotencyKey = None,
) -> WebhookAccepted:
    """Start a flow with the request body as its payload, on behalf of the flow's owner, and respond immediately.

    A call that is answered with 202 is stored and survives a restart of the server.
    """
    authenticate = require_api_key if server.webhooks.requires_credentials else optional_user
    caller = await authenticate(request)
    target = await server.webhooks.resolve_flow(caller, flow_id_or_name, user_id)
    current_account.set(Account(str(target.owner), "" if caller is not None else client_address(request.scope)))
    call = WebhookCall(
        body=await request.body(),
        content_type=request.headers.get("content-type", ""),
        signature=x_hub_signature_256,
        idempotency_key=idempotency_key or webhook_id or x_github_delivery or None,
        address=client_address(request.scope),
    )
    job = await server.webhooks.enqueue_call(caller, target, call)
    return WebhookAccepted(job_id=job["id"], status=_STATUS_TEXTS.get(job["status"], "in progress"))
