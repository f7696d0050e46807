"""Shapes of responses: a literal stands for itself, and a type for any of its values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Maybe:
    """A value of this shape, or null."""

    shape: Any


@dataclass(frozen=True)
class Matching:
    """A text that matches a regular expression."""

    pattern: str


UUID = Matching(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = Matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+]00:00)?")
MESSAGE_TIME = Matching(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")

USER = {
    "id": UUID,
    "username": str,
    "profile_image": Maybe(str),
    "store_api_key": None,
    "is_active": bool,
    "is_superuser": bool,
    "create_at": TIME,
    "updated_at": TIME,
    "last_login_at": Maybe(TIME),
    "optins": {"github_starred": False, "dialog_dismissed": False, "discord_clicked": False},
}
API_KEY = {
    "id": UUID,
    "user_id": UUID,
    "name": Maybe(str),
    "api_key": Matching(r"sk-\S+"),
    "is_active": True,
    "total_uses": int,
    "last_used_at": Maybe(TIME),
}
PROJECT = {
    "id": UUID,
    "name": str,
    "description": Maybe(str),
    "parent_id": Maybe(UUID),
    "auth_settings": Maybe({"auth_type": "apikey"}),
}
FLOW = {
    "id": UUID,
    "user_id": UUID,
    "folder_id": UUID,
    "name": str,
    "description": Maybe(str),
    "icon": Maybe(str),
    "icon_bg_color": Maybe(str),
    "gradient": Maybe(str),
    "data": {"nodes": list, "edges": list, "viewport": {"x": int, "y": int, "zoom": int}},
    "is_component": False,
    "updated_at": Matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"),
    "webhook": False,
    "endpoint_name": Maybe(str),
    "tags": Maybe([str]),
    "locked": False,
    "mcp_enabled": False,
    "action_name": Maybe(str),
    "action_description": Maybe(str),
    "access_type": "PRIVATE",
}
FLOW_HEADER = {k: FLOW[k] for k in ("id", "name", "folder_id", "is_component", "endpoint_name", "description")} | {
    "data": None,
    "access_type": "PRIVATE",
    "tags": Maybe([str]),
    "mcp_enabled": False,
    "action_name": None,
    "action_description": None,
}
PROPERTIES = {
    "text_color": Maybe(str),
    "background_color": Maybe(str),
    "edited": False,
    "source": {"id": Maybe(str), "display_name": Maybe(str), "source": Maybe(str)},
    "icon": Maybe(str),
    "allow_markdown": False,
    "positive_feedback": None,
    "state": "complete",
    "targets": list,
}
MESSAGE = {
    "id": UUID,
    "flow_id": UUID,
    "timestamp": MESSAGE_TIME,
    "sender": str,
    "sender_name": str,
    "session_id": str,
    "context_id": "",
    "text": str,
    "edit": False,
    "properties": PROPERTIES,
    "category": "message",
    "content_blocks": list,
}
LISTED_MESSAGE = {**MESSAGE, "files": "[]", "duration": None}
FILE = {"id": UUID, "name": str, "path": str, "size": int, "provider": None}
LISTED_FILE = {**FILE, "user_id": UUID, "created_at": TIME, "updated_at": TIME}
BUILD = {
    "build_id": UUID,
    "id": str,
    "flow_id": UUID,
    "timestamp": TIME,
    "valid": True,
    "params": str,
    "data": dict,
    "artifacts": dict,
}


def prompt_field(name: str) -> dict[str, Any]:
    return {
        "field_type": "str",
        "required": False,
        "placeholder": "",
        "list": False,
        "show": True,
        "multiline": True,
        "value": "",
        "fileTypes": [],
        "file_path": "",
        "name": name,
        "display_name": name,
        "advanced": False,
        "input_types": ["Message"],
        "dynamic": False,
        "info": "",
        "load_from_db": False,
        "title_case": False,
        "type": "str",
    }


def differences(shape: Any, value: Any, path: str = "body") -> list[str]:
    """Return the differences between a value and a shape.

    Additional keys are allowed. An empty list does not match a list of items.

    """
    if isinstance(shape, Maybe):
        return [] if value is None else differences(shape.shape, value, path)
    if isinstance(shape, Matching):
        matches = isinstance(value, str) and re.fullmatch(shape.pattern, value)
        return [] if matches else [f"{path}: {value!r} does not match {shape.pattern}"]
    if isinstance(shape, type):
        is_instance = isinstance(value, shape) and not (shape is int and isinstance(value, bool))
        return [] if is_instance else [f"{path}: {value!r} is not of type {shape.__name__}"]
    if isinstance(shape, dict) and isinstance(value, dict):
        missing = [f"{path}.{k} is missing" for k in shape if k not in value]
        return missing + [d for k, s in shape.items() if k in value for d in differences(s, value[k], f"{path}.{k}")]
    if isinstance(shape, list) and shape and isinstance(value, list):
        if len(shape) > 1 and len(shape) != len(value):
            return [f"{path}: {len(value)} items, not {len(shape)}"]
        shapes = shape if len(shape) > 1 else shape * len(value)
        empty = [] if value else [f"{path} is empty"]
        return empty + [
            d for i, (s, v) in enumerate(zip(shapes, value, strict=True)) for d in differences(s, v, f"{path}[{i}]")
        ]
    return [] if shape == value and type(shape) is type(value) else [f"{path}: {value!r} is not {shape!r}"]
