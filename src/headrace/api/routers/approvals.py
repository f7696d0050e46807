"""Routes for approvals: users who may run code approve it by digest; superusers see all approvals, and revoke them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from headrace.api.dependencies import CurrentUser, ServicesDep, Superuser
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.schemas.flow import UnapprovedCode
from headrace.custom_code.approval import UnapprovedNode
from headrace.db.approvals import ApprovalMethod

#: Digests in one request.
MAX_DIGESTS = 1000

router = APIRouter(
    prefix="/api/v1/approvals",
    tags=["Components"],
    route_class=StrictJSONRoute,
    responses={403: {"description": "The caller may not approve code, or is not a superuser"}},
)

_DIGEST = "^[0-9a-f]{64}$"
Digest = Annotated[str, Path(pattern=_DIGEST, description="The SHA-256 of the source, in hexadecimal.")]


class Approval(BaseModel):
    """A component source that may run, and the user who approved it."""

    digest: str
    name: str = Field(description="The name of the component; empty if it was not known.")
    username: str | None = Field(description="Null for the operator, and if the user has been deleted.")
    approved_at: datetime
    method: ApprovalMethod = Field(
        description="`checked` in the editor, `requested` by digest, on the `command line`, or `saved` with a flow in an earlier version."
    )


class ApprovalRequest(BaseModel):
    """Code to approve, by the digests that the response to saving a flow contains."""

    digests: list[Annotated[str, Field(pattern=_DIGEST)]] = Field(
        default=[], max_length=MAX_DIGESTS, description="The SHA-256 of each source, in hexadecimal."
    )
    flow_id: UUID | None = Field(
        default=None,
        description="A flow of the caller. All digests must be of its code, and the response lists its code that is not approved.",
    )


class UnapprovedSource(UnapprovedCode):
    """A node that does not run because its code is not approved, with this code."""

    code: str

    @classmethod
    def from_node(cls, node: UnapprovedNode) -> Self:
        """Return the body for a node."""
        return cls(node_id=node.id, name=node.name, digest=node.digest, code=node.code)


class ApprovalResult(BaseModel):
    """The approved digests, and the code of the flow that is still not approved."""

    approved: list[str]
    unapproved_code: list[UnapprovedSource]


@router.get("")
async def list_approvals(_caller: Superuser, server: ServicesDep) -> list[Approval]:
    """List all approvals, newest first."""
    return [Approval.model_validate(dict(row)) for row in await server.approvals.list_approvals()]


@router.post("", responses={404: {"description": "The caller has no flow with this id"}})
async def approve_code(body: ApprovalRequest, caller: CurrentUser, server: ServicesDep) -> ApprovalResult:
    """Approve code by digest, as a user who may run code. Nothing is run.

    A request with a flow and without digests approves nothing, and returns the code to review.
    """
    await server.approvals.approve(caller, body.digests, body.flow_id)
    nodes: list[UnapprovedNode] = []
    if body.flow_id is not None:
        nodes = await server.approvals.list_unapproved_nodes(caller.id, body.flow_id)
    return ApprovalResult(approved=body.digests, unapproved_code=[UnapprovedSource.from_node(node) for node in nodes])


@router.delete(
    "/{digest}", status_code=204, responses={404: {"description": "No source with this SHA-256 is approved"}}
)
async def revoke_approval(digest: Digest, _caller: Superuser, server: ServicesDep) -> None:
    """Revoke an approval. Runs that start later do not use the code."""
    await server.approvals.revoke_approval(digest)
