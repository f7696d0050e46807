"""Webhooks: a request's bytes made into a run, and the signature over them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import orjson

from headrace.errors import HeadraceError
from headrace.store.flows import WEBHOOK

if TYPE_CHECKING:
    from headrace.graph.plan import Plan, Vertex

#: The mark before a signature's hex digits.
#: Source: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
SIGNATURE_MARK = "sha256="
SECRET_FIELD = "signature_secret"


class SignatureError(HeadraceError):
    """A call's signature is missing or does not fit."""

    def __init__(self) -> None:
        super().__init__(
            "This webhook wants a header X-Hub-Signature-256: sha256= and the HMAC-SHA256 of the body in hex, made with its secret."
        )


def entrances(plan: Plan) -> list[Vertex]:
    """Return the flow's Webhook vertices."""
    return [v for v in plan.vertices.values() if v.component.type_name() == WEBHOOK]


def check_signature(secret: str, body: bytes, signature: str | None) -> None:
    """Compare a signature with the body's.

    Raises:
        SignatureError: there is none, or it was made with another secret or over another body.

    """
    expected = SIGNATURE_MARK + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), (signature or "").strip().lower().encode()):
        raise SignatureError


def payload_text(body: bytes, content_type: str) -> str:
    """Return a body as the Webhook's field takes it: as it is, or wrapped in JSON as base64 where it is no text."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\x00"
    if "\x00" not in text:
        return text
    wrapped = {"payload": base64.b64encode(body).decode(), "encoding": "base64", "content_type": content_type}
    return orjson.dumps(wrapped).decode()


def request_json(plan: Plan, text: str) -> dict[str, Any]:
    """Return what the run is asked: the payload in each Webhook, or in a flow without one in its chat input."""
    vertices = entrances(plan)
    if vertices:
        return {"tweaks": {str(v.id): {"data": text} for v in vertices}}
    return {"input_value": text}
