"""Webhook requests: their signature, and their translation into a run's input."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import orjson

from headrace.db.flows import WEBHOOK
from headrace.errors import UnauthorizedError

if TYPE_CHECKING:
    from headrace.graph.plan import Plan
    from headrace.graph.vertex import Vertex

#: The prefix of a signature's hex digits.
#: Source: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
SIGNATURE_PREFIX = "sha256="
SECRET_FIELD = "signature_secret"


class SignatureError(UnauthorizedError):
    """A webhook request has no valid signature."""

    def __init__(self) -> None:
        super().__init__(
            "The signature of this webhook request is missing or not valid. Send the header X-Hub-Signature-256 with "
            "'sha256=' and the hexadecimal HMAC-SHA256 of the body, computed with the webhook's secret."
        )


def webhook_vertices(plan: Plan) -> list[Vertex]:
    """Return the flow's Webhook vertices."""
    return [v for v in plan.vertices.values() if v.component.type_name() == WEBHOOK]


def check_signature(secret: str, body: bytes, signature: str | None) -> None:
    """Check the signature of a body.

    Raises:
        SignatureError: The signature is missing, or belongs to another secret or body.

    """
    expected = SIGNATURE_PREFIX + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), (signature or "").strip().lower().encode()):
        raise SignatureError


def payload_text(body: bytes, content_type: str) -> str:
    """Return a body as the value of a Webhook's field: unchanged if it is text, else as base64 in a JSON object."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\x00"
    if "\x00" not in text:
        return text
    wrapped = {"payload": base64.b64encode(body).decode(), "encoding": "base64", "content_type": content_type}
    return orjson.dumps(wrapped).decode()


def to_run_input(plan: Plan, text: str) -> dict[str, Any]:
    """Return a run's input with the payload in each Webhook component, or in the chat input if there is none."""
    vertices = webhook_vertices(plan)
    if vertices:
        return {"tweaks": {str(v.id): {"data": text} for v in vertices}}
    return {"input_value": text}
