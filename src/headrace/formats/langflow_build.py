"""The events of a build as JSON, in the format of Langflow 1.7."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headrace.formats.langflow import message_data, result_json
from headrace.graph.events import Event, MessageEmitted, TokenEmitted, VertexEnded
from headrace.schema.message import SENDER_AI, now_text
from headrace.schema.properties import Properties, Source

if TYPE_CHECKING:
    from headrace.graph.plan import Plan


def sorted_event(plan: Plan) -> dict[str, Any]:
    """Return the first event: the first layer of vertices, and all vertices that can run."""
    first = [str(v.id) for v in plan.first_vertices()]
    return {"event": "vertices_sorted", "data": {"ids": first, "to_run": [str(i) for i in plan.vertices]}}


def event_json(event: Event) -> dict[str, Any] | None:
    """Return an event as JSON, or None if editors do not receive it."""
    if isinstance(event, TokenEmitted):
        return {"event": "token", "data": {"chunk": event.chunk, "id": event.message_id}}
    if isinstance(event, MessageEmitted):
        return {"event": "add_message", "data": message_data(event.message)}
    if isinstance(event, VertexEnded):
        return {"event": "end_vertex", "data": {"build_data": _build_data(event)}}
    return None


def _build_data(ended: VertexEnded) -> dict[str, Any]:
    result = ended.result
    body = result_json(result)
    return {
        "id": result.vertex_id,
        "inactivated_vertices": list(ended.skipped),
        "next_vertices_ids": list(ended.following),
        "top_level_vertices": list(ended.following),
        "valid": True,
        "params": params_text(body["artifacts"]),
        "data": _vertex_data(body, result.seconds),
        "timestamp": _now(),
    }


def _vertex_data(body: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return a vertex's result as an editor shows it."""
    artifacts = body["artifacts"]
    return {
        "results": body["results"],
        "outputs": body["outputs"],
        "logs": body["logs"],
        "message": artifacts,
        "artifacts": artifacts,
        "timedelta": seconds,
        "duration": _duration(seconds),
        "used_frozen_result": body["used_frozen_result"],
        **({"usage": body["usage"]} if "usage" in body else {}),
    }


def params_text(artifacts: dict[str, Any]) -> str:
    """Return a chat component's artifacts as text, with a line per field; "None" for other components."""
    if "sender" not in artifacts:
        return "None"
    lines = [f"{k.replace('_', ' ').title()}: {v}" for k, v in sorted(artifacts.items())]
    return "- " + "\n  ".join(lines) + "\n"


def failed_vertex(vertex_id: str, message: str, traceback: str | None = None) -> dict[str, Any]:
    """Return the event for a vertex that failed, with the lines of its code for the flow's owner."""
    outputs = {"error": {"message": {"errorMessage": message, "stackTrace": traceback or ""}, "type": "error"}}
    data = {
        "results": {},
        "outputs": outputs,
        "logs": {},
        "message": {},
        "artifacts": {},
        "timedelta": None,
        "duration": None,
        "used_frozen_result": False,
    }
    body = {
        "id": vertex_id,
        "inactivated_vertices": [],
        "next_vertices_ids": [],
        "top_level_vertices": [],
        "valid": False,
        "params": message,
        "data": data,
        "timestamp": _now(),
    }
    return {"event": "end_vertex", "data": {"build_data": body}}


def error_event(message: str, flow_id: str, session_id: str, vertex_id: str | None = None) -> dict[str, Any]:
    """Return the event for the error that ended a build: a message of the category "error"."""
    source = Source(id=vertex_id) if vertex_id else Source()
    data = {
        "timestamp": now_text(),
        "sender": SENDER_AI,
        "sender_name": SENDER_AI,
        "session_id": session_id,
        "context_id": "",
        "text": message,
        "files": [],
        "error": True,
        "edit": False,
        "properties": Properties(source=source).model_dump(),
        "category": "error",
        "content_blocks": [],
        "flow_id": flow_id,
        "duration": None,
    }
    return {"event": "error", "data": data}


def end_event(*, cancelled: bool = False) -> dict[str, Any]:
    """Return the last event of every build."""
    return {"event": "end", "data": {"cancelled": True} if cancelled else {}}


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} seconds"


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
