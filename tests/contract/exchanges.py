"""The recorded exchanges of the API, in order: each depends on the ones before it."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import Any

from tests.contract.shapes import (
    API_KEY,
    BUILD,
    FILE,
    FLOW,
    FLOW_HEADER,
    LISTED_FILE,
    LISTED_MESSAGE,
    MESSAGE,
    PROJECT,
    TIME,
    USER,
    UUID,
    Matching,
    Maybe,
    prompt_field,
)
from tests.support.flow_builder import echo_flow

#: Paths that lead out of the user's folder of flows, or name no file in it.
BAD_PATHS = ("/tmp/flow.json", "../flow.json", "team/../../flow.json", "team\\flow.json", "flow\x00.json", "")
UNKNOWN_ID = "00000000-0000-0000-0000-000000000001"


@dataclass(frozen=True)
class Exchange:
    """A request and its response.

    Attributes:
        name: the name of the exchange.
        method: the HTTP method.
        path: the path; like query and body, it may contain `{name}` of a captured value.
        status: the expected status.
        body: the expected shape of the response body.
        request: other arguments of the request: `json`, `params`, `data`, `files`, `headers`.
        caller: `admin` with an API key, another user's name with a bearer token, or None for an anonymous caller.
        captures: values for later exchanges, by name: each is a dotted path into the response body.
        type: the expected media type of the response.
        cookies: the names of cookies that the response sets.

    """

    name: str
    method: str
    path: str
    status: int
    body: Any = None
    request: dict[str, Any] = field(default_factory=dict)
    caller: str | None = "admin"
    captures: dict[str, str] = field(default_factory=dict)
    type: str | None = "application/json"
    cookies: set[str] = field(default_factory=set)


def flow_body(name: str, **columns: Any) -> dict[str, Any]:
    return {"name": name, "description": "echo", "data": echo_flow(), **columns}


def file_form(name: str, content: bytes, kind: str = "text/plain") -> dict[str, Any]:
    return {"files": {"file": (name, content, kind)}}


def project_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("zipped.json", json.dumps(flow_body("zipped")))
    return buffer.getvalue()


def detail(text: object) -> dict[str, object]:
    return {"detail": text}


def missing(*location: str, value: Any) -> dict[str, Any]:
    return {"detail": [{"type": "missing", "loc": list(location), "msg": "Field required", "input": value}]}


LOGIN = [
    Exchange("health", "GET", "/health", 200, {"status": "ok"}, caller=None),
    Exchange("health_check", "GET", "/health_check", 200, {"status": "ok", "chat": "ok", "db": "ok"}, caller=None),
    Exchange(
        "version",
        "GET",
        "/api/v1/version",
        200,
        {"version": str, "main_version": str, "package": "Langflow"},
        caller=None,
    ),
    Exchange(
        "auto_login off",
        "GET",
        "/api/v1/auto_login",
        400,
        detail({"message": "Auto login is disabled. Please enable it in the settings", "auto_login": False}),
        caller=None,
    ),
    Exchange(
        "bad login",
        "POST",
        "/api/v1/login",
        401,
        detail("Incorrect username or password"),
        {"data": {"username": "admin", "password": "nope"}},
        caller=None,
    ),
    Exchange(
        "login",
        "POST",
        "/api/v1/login",
        200,
        {"access_token": str, "refresh_token": str, "token_type": "bearer"},
        {"data": {"username": "admin", "password": "correct horse"}},
        caller=None,
        cookies={"access_token_lf", "refresh_token_lf", "apikey_tkn_lflw"},
    ),
    Exchange(
        "validate code anonymous",
        "POST",
        "/api/v1/validate/code",
        403,
        detail("An API key must be passed as query or header"),
        {"json": {"code": "x=1"}},
        caller=None,
    ),
    Exchange(
        "whoami",
        "GET",
        "/api/v1/users/whoami",
        200,
        {**USER, "username": "admin", "is_superuser": True},
        captures={"me": "id"},
    ),
    Exchange(
        "config",
        "GET",
        "/api/v1/config",
        200,
        {"feature_flags": {"mvp_components": False}, "max_file_size_upload": int, "event_delivery": "streaming"},
    ),
]

KEYS = [
    Exchange(
        "api_key create",
        "POST",
        "/api/v1/api_key/",
        200,
        {**API_KEY, "name": "contract"},
        {"json": {"name": "contract"}},
        captures={"key": "id"},
    ),
    Exchange(
        "api_key list",
        "GET",
        "/api/v1/api_key/",
        200,
        {
            "total_count": int,
            "user_id": UUID,
            "api_keys": [{**API_KEY, "created_at": TIME, "api_key": Matching(r"sk-.{5}\*{38}")}],
        },
    ),
    Exchange("api_key delete", "DELETE", "/api/v1/api_key/{key}", 200, detail("API Key deleted")),
    Exchange("api_key without a name", "POST", "/api/v1/api_key/", 200, {**API_KEY, "name": None}, {"json": {}}),
    Exchange(
        "api_key store",
        "POST",
        "/api/v1/api_key/store",
        200,
        detail("API Key saved"),
        {"json": {"api_key": "sk-store"}},
        cookies={"apikey_tkn_lflw"},
    ),
    Exchange("the store's key is not shown", "GET", "/api/v1/users/whoami", 200, USER),
]

USERS = [
    Exchange(
        "user create",
        "POST",
        "/api/v1/users/",
        201,
        {**USER, "username": "{ada}", "is_active": False, "is_superuser": False, "last_login_at": None},
        {"json": {"username": "{ada}", "password": "lovelace1"}},
        captures={"ada_id": "id"},
    ),
    Exchange(
        "user create duplicate",
        "POST",
        "/api/v1/users/",
        400,
        detail("This username is unavailable."),
        {"json": {"username": "{ada}", "password": "lovelace1"}},
    ),
    Exchange(
        "an inactive user waits",
        "POST",
        "/api/v1/login",
        400,
        detail("Waiting for approval"),
        {"data": {"username": "{ada}", "password": "lovelace1"}},
        caller=None,
    ),
    Exchange(
        "user patch", "PATCH", "/api/v1/users/{ada_id}", 200, {**USER, "is_active": True}, {"json": {"is_active": True}}
    ),
    Exchange(
        "user patch missing",
        "PATCH",
        f"/api/v1/users/{UNKNOWN_ID}",
        404,
        detail("User not found"),
        {"json": {"is_active": True}},
    ),
    Exchange("user delete self", "DELETE", "/api/v1/users/{me}", 400, detail("You can't delete your own user account")),
    Exchange("users list", "GET", "/api/v1/users/", 200, {"total_count": int, "users": [USER]}),
    Exchange(
        "login ada",
        "POST",
        "/api/v1/login",
        200,
        {"access_token": str},
        {"data": {"username": "{ada}", "password": "lovelace1"}},
        caller=None,
        captures={"token:ada": "access_token"},
    ),
    Exchange(
        "ada lists users", "GET", "/api/v1/users/", 403, detail("The user doesn't have enough privileges"), caller="ada"
    ),
    Exchange(
        "ada makes a user",
        "POST",
        "/api/v1/users/",
        403,
        detail("The user doesn't have enough privileges"),
        {"json": {"username": "eve", "password": "x"}},
        caller="ada",
    ),
    Exchange(
        "ada resets her password",
        "PATCH",
        "/api/v1/users/{ada_id}/reset-password",
        200,
        {**USER, "last_login_at": TIME},
        {"json": {"password": "lovelace2"}},
        caller="ada",
    ),
    Exchange(
        "ada resets to the same",
        "PATCH",
        "/api/v1/users/{ada_id}/reset-password",
        400,
        detail("You can't use your current password"),
        {"json": {"password": "lovelace2"}},
        caller="ada",
    ),
    Exchange(
        "ada resets another's",
        "PATCH",
        "/api/v1/users/{me}/reset-password",
        400,
        detail("You can't change another user's password"),
        {"json": {"password": "x12345678"}},
        caller="ada",
    ),
    Exchange(
        "ada makes herself a superuser",
        "PATCH",
        "/api/v1/users/{ada_id}",
        403,
        detail("Permission denied"),
        {"json": {"is_superuser": True}},
        caller="ada",
    ),
    Exchange(
        "ada changes another",
        "PATCH",
        "/api/v1/users/{me}",
        403,
        detail("Permission denied"),
        {"json": {"profile_image": "x"}},
        caller="ada",
    ),
    Exchange(
        "ada changes her password the wrong way",
        "PATCH",
        "/api/v1/users/{ada_id}",
        400,
        detail("You can't change your password here"),
        {"json": {"password": "x12345678"}},
        caller="ada",
    ),
    Exchange(
        "ada chooses a picture",
        "PATCH",
        "/api/v1/users/{ada_id}",
        200,
        {**USER, "profile_image": "Space/046-rocket.svg"},
        {"json": {"profile_image": "Space/046-rocket.svg"}},
        caller="ada",
    ),
    Exchange(
        "ada has a project", "GET", "/api/v1/projects/", 200, [{**PROJECT, "name": "Starter Project"}], caller="ada"
    ),
    Exchange("ada has no flows", "GET", "/api/v1/flows/", 200, [], caller="ada"),
    Exchange(
        "the first user has Basic Chat",
        "GET",
        "/api/v1/flows/",
        200,
        [{"name": "Basic Chat"}],
        {"params": {"header_flows": "true"}},
    ),
]

PROJECTS = [
    Exchange(
        "project create",
        "POST",
        "/api/v1/projects/",
        201,
        {**PROJECT, "name": "{project_name}", "auth_settings": {"auth_type": "apikey"}},
        {"json": {"name": "{project_name}", "description": "d", "components_list": [], "flows_list": []}},
        captures={"project": "id"},
    ),
    Exchange(
        "project create same name",
        "POST",
        "/api/v1/projects/",
        201,
        {**PROJECT, "name": "{project_name} (1)"},
        {"json": {"name": "{project_name}", "description": "d"}},
    ),
    Exchange("projects list", "GET", "/api/v1/projects/", 200, [PROJECT]),
    Exchange("folders list", "GET", "/api/v1/folders/", 200, [PROJECT]),
    Exchange("folder read", "GET", "/api/v1/folders/{project}", 200, {**PROJECT, "flows": []}),
    Exchange("project read", "GET", "/api/v1/projects/{project}", 200, {**PROJECT, "flows": []}),
    Exchange("project read missing", "GET", f"/api/v1/projects/{UNKNOWN_ID}", 404, detail("Project not found")),
    Exchange(
        "project read bad id",
        "GET",
        "/api/v1/projects/not-a-uuid",
        422,
        {"detail": [{"type": "uuid_parsing", "loc": ["path", "project_id"], "msg": str, "input": "not-a-uuid"}]},
    ),
    Exchange(
        "project patch",
        "PATCH",
        "/api/v1/projects/{project}",
        200,
        {**PROJECT, "name": "{project_name} 2", "description": "e"},
        {"json": {"name": "{project_name} 2", "description": "e"}},
    ),
]

FLOWS = [
    Exchange(
        "flow create",
        "POST",
        "/api/v1/flows/",
        201,
        {**FLOW, "name": "{flow_name}", "endpoint_name": "{endpoint}"},
        {"json": flow_body("{flow_name}", endpoint_name="{endpoint}", folder_id="{project}")},
        captures={"flow": "id"},
    ),
    Exchange(
        "flow create same name",
        "POST",
        "/api/v1/flows/",
        201,
        {**FLOW, "name": "{flow_name} (1)", "endpoint_name": None},
        {"json": flow_body("{flow_name}")},
        captures={"other_flow": "id"},
    ),
    Exchange(
        "flow create same endpoint",
        "POST",
        "/api/v1/flows/",
        201,
        {**FLOW, "endpoint_name": "{endpoint}-1"},
        {"json": flow_body("{flow_name} other", endpoint_name="{endpoint}")},
    ),
    Exchange(
        "flow create bad endpoint",
        "POST",
        "/api/v1/flows/",
        422,
        detail("Endpoint name must contain only letters, numbers, hyphens, and underscores"),
        {"json": flow_body("other", endpoint_name="has space")},
    ),
    *(
        Exchange(
            f"flow create with the path {path!r}",
            "POST",
            "/api/v1/flows/",
            400,
            {"detail": str},
            {"json": flow_body("other", fs_path=path)},
        )
        for path in BAD_PATHS
    ),
    *(
        Exchange(
            f"flow upload with the path {path!r}",
            "POST",
            "/api/v1/flows/upload/",
            400,
            {"detail": str},
            file_form("f.json", json.dumps({"name": "other", "data": echo_flow(), "fs_path": path}).encode()),
        )
        for path in BAD_PATHS
    ),
    *(
        Exchange(
            f"flow patch with the path {path!r}",
            "PATCH",
            "/api/v1/flows/{flow}",
            400,
            {"detail": str},
            {"json": {"fs_path": path}},
        )
        for path in BAD_PATHS
    ),
    Exchange(
        "flow patch with a path",
        "PATCH",
        "/api/v1/flows/{flow}",
        200,
        {**FLOW, "fs_path": "team/{endpoint}.json"},
        {"json": {"fs_path": "team/{endpoint}.json"}},
    ),
    Exchange(
        "flow create with a taken path",
        "POST",
        "/api/v1/flows/",
        409,
        {"detail": Matching(r".*belongs to your flow.*")},
        {"json": flow_body("other", fs_path="team/{endpoint}.json")},
    ),
    Exchange(
        "flow patch without a path",
        "PATCH",
        "/api/v1/flows/{flow}",
        200,
        {**FLOW, "fs_path": None},
        {"json": {"fs_path": None}},
    ),
    Exchange(
        "flow create no name",
        "POST",
        "/api/v1/flows/",
        422,
        missing("body", "name", value={"data": {}}),
        {"json": {"data": {}}},
    ),
    Exchange(
        "flow create bad data",
        "POST",
        "/api/v1/flows/",
        422,
        {
            "detail": [
                {
                    "type": "value_error",
                    "loc": ["body", "data"],
                    "msg": "Value error, Flow must have edges",
                    "input": {"nodes": 1},
                }
            ]
        },
        {"json": {"name": "bad", "data": {"nodes": 1}}},
    ),
    Exchange(
        "flow create bad icon colour",
        "POST",
        "/api/v1/flows/",
        422,
        {
            "detail": [
                {
                    "type": "value_error",
                    "loc": ["body", "icon_bg_color"],
                    "msg": "Value error, Icon background color must start with #",
                    "input": "red",
                }
            ]
        },
        {"json": {"name": "bad colour", "icon_bg_color": "red", "data": {"nodes": [], "edges": []}}},
    ),
    Exchange(
        "flows list",
        "GET",
        "/api/v1/flows/",
        200,
        [FLOW_HEADER],
        {"params": {"get_all": "true", "header_flows": "true", "remove_example_flows": "true"}},
    ),
    Exchange("flow read", "GET", "/api/v1/flows/{flow}", 200, FLOW),
    Exchange("flow read missing", "GET", f"/api/v1/flows/{UNKNOWN_ID}", 404, detail("Flow not found")),
    Exchange(
        "flow read bad id",
        "GET",
        "/api/v1/flows/zzz",
        422,
        {"detail": [{"type": "uuid_parsing", "loc": ["path", "flow_id"], "msg": str, "input": "zzz"}]},
    ),
    Exchange(
        "flow patch",
        "PATCH",
        "/api/v1/flows/{flow}",
        200,
        {**FLOW, "name": "{flow_name} renamed", "tags": ["a"], "endpoint_name": "{endpoint}"},
        {"json": {"name": "{flow_name} renamed", "tags": ["a"], "locked": False, "endpoint_name": "{endpoint}"}},
    ),
    Exchange(
        "flow patch keeps the rest",
        "PATCH",
        "/api/v1/flows/{flow}",
        200,
        {**FLOW, "description": "patched", "tags": ["a"], "endpoint_name": "{endpoint}"},
        {"json": {"description": "patched"}},
    ),
    Exchange(
        "a private flow is not public",
        "GET",
        "/api/v1/flows/public_flow/{flow}",
        403,
        detail("Flow is not public"),
        caller=None,
    ),
    Exchange(
        "flow patch public",
        "PATCH",
        "/api/v1/flows/{flow}",
        200,
        {**FLOW, "access_type": "PUBLIC"},
        {"json": {"access_type": "PUBLIC"}},
    ),
    Exchange(
        "public flow", "GET", "/api/v1/flows/public_flow/{flow}", 200, {**FLOW, "access_type": "PUBLIC"}, caller=None
    ),
    Exchange(
        "flows batch",
        "POST",
        "/api/v1/flows/batch/",
        201,
        [{**FLOW, "name": "{flow_name} b1"}, {**FLOW, "name": "{flow_name} b2"}],
        {"json": {"flows": [flow_body("{flow_name} b1"), flow_body("{flow_name} b2")]}},
        captures={"b1": "0.id", "b2": "1.id"},
    ),
    Exchange(
        "flows upload",
        "POST",
        "/api/v1/flows/upload/",
        201,
        [{**FLOW, "name": "up1", "folder_id": "{project}"}],
        {
            "params": {"folder_id": "{project}"},
            **file_form("f.json", json.dumps({"flows": [flow_body("up1")]}).encode()),
        },
    ),
    Exchange(
        "flows upload junk",
        "POST",
        "/api/v1/flows/upload/",
        400,
        detail(Matching("The file is not JSON.*")),
        file_form("f.json", b"not json"),
    ),
    Exchange(
        "flows download",
        "POST",
        "/api/v1/flows/download/",
        200,
        {"zip": ["{flow_name} b1.json", "{flow_name} b2.json"]},
        {"json": ["{b1}", "{b2}"]},
        type="application/x-zip-compressed",
    ),
    Exchange("flow download", "POST", "/api/v1/flows/download/", 200, FLOW, {"json": ["{b1}"]}),
    Exchange("flows delete many", "DELETE", "/api/v1/flows/", 200, {"deleted": 2}, {"json": ["{b1}", "{b2}"]}),
    Exchange(
        "project download",
        "GET",
        "/api/v1/projects/download/{project}",
        200,
        {"zip": ["{flow_name} renamed.json", "up1.json"]},
        type="application/x-zip-compressed",
    ),
    Exchange(
        "folder download",
        "GET",
        "/api/v1/folders/download/{project}",
        200,
        {"zip": ["{flow_name} renamed.json", "up1.json"]},
        type="application/x-zip-compressed",
    ),
    Exchange(
        "project upload",
        "POST",
        "/api/v1/projects/upload/",
        201,
        [{**FLOW, "name": Matching(r"zipped( \(\d+\))?")}],
        file_form("p.zip", project_zip(), "application/zip"),
    ),
    Exchange(
        "starter flows",
        "GET",
        "/api/v1/flows/basic_examples/",
        200,
        [{**FLOW, "user_id": None, "folder_id": None, "data": dict}],
        caller=None,
    ),
    Exchange(
        "starter projects",
        "GET",
        "/api/v1/starter-projects/",
        200,
        [
            {
                "name": str,
                "description": str,
                "data": {"nodes": list, "edges": list},
                "is_component": False,
                "endpoint_name": None,
            }
        ],
    ),
]

RUNS = [
    Exchange(
        "run",
        "POST",
        "/api/v1/run/{flow}",
        200,
        {"session_id": "{session}", "outputs": list},
        {"json": {"input_value": "in a session", "session_id": "{session}"}},
    ),
    Exchange(
        "run anonymous",
        "POST",
        f"/api/v1/run/{UNKNOWN_ID}",
        403,
        detail("An API key must be passed as query or header"),
        {"json": {"input_value": "x"}},
        caller=None,
    ),
    Exchange(
        "run bad input type", "POST", "/api/v1/run/{flow}", 422, {"detail": list}, {"json": {"input_type": "smell"}}
    ),
    Exchange(
        "run advanced",
        "POST",
        "/api/v1/run/advanced/{flow}",
        200,
        {
            "session_id": "{session}-new",
            "outputs": [
                {"inputs": {"input_value": "a"}, "outputs": list},
                {"inputs": {"input_value": "b"}, "outputs": list},
            ],
        },
        {
            "json": {
                "inputs": [{"input_value": "a"}, {"input_value": "b", "type": "chat", "components": ["ChatInput-a"]}],
                "outputs": ["ChatOutput-b"],
                "session_id": "{session}-new",
            }
        },
    ),
    Exchange(
        "run session",
        "POST",
        "/api/v1/run/session/{flow}",
        404,
        detail("This endpoint is not available"),
        {"json": {"input_value": "a"}},
    ),
    Exchange(
        "predict",
        "POST",
        "/api/v1/predict/{flow}",
        400,
        detail("The /process endpoint is deprecated and will be removed in a future version. Please use /run instead."),
        {"json": {"inputs": {}}},
    ),
    Exchange(
        "process",
        "POST",
        "/api/v1/process/{flow}",
        400,
        detail("The /process endpoint is deprecated and will be removed in a future version. Please use /run instead."),
        {"json": {"inputs": {}}},
    ),
    Exchange(
        "task",
        "GET",
        "/api/v1/task/abc",
        400,
        detail("The /task endpoint is deprecated and will be removed in a future version. Please use /run instead."),
    ),
    Exchange(
        "vertices of nothing",
        "POST",
        "/api/v1/build/{flow}/vertices",
        422,
        {"detail": [{"type": "missing", "loc": ["body", "nodes"]}, {"type": "missing", "loc": ["body", "edges"]}]},
        {"json": {}},
    ),
    Exchange(
        "vertices",
        "POST",
        "/api/v1/build/{flow}/vertices",
        200,
        {"ids": ["ChatInput-a"], "run_id": UUID, "vertices_to_run": ["ChatInput-a", "ChatOutput-b"]},
    ),
    Exchange("webhook without a body", "POST", "/api/v1/webhook/{flow}", 400, {"detail": Matching(r".*empty.*")}),
]

BUILDS = [
    Exchange(
        "build start",
        "POST",
        "/api/v1/build/{flow}/flow",
        200,
        {"job_id": UUID},
        {"json": {"inputs": {"input_value": "built", "session": "{session}-build"}}},
        captures={"job": "job_id"},
    ),
    Exchange(
        "build events",
        "GET",
        "/api/v1/build/{job}/events",
        200,
        {"events": ["vertices_sorted", "add_message", "end_vertex", "add_message", "end_vertex", "end"]},
        type="application/x-ndjson",
    ),
    Exchange(
        "build events polling",
        "GET",
        "/api/v1/build/{job}/events",
        200,
        {"events": ["vertices_sorted", "add_message", "end_vertex", "add_message", "end_vertex", "end"]},
        {"params": {"event_delivery": "polling", "offset": 0}},
        type="application/x-ndjson",
    ),
    Exchange(
        "build events missing",
        "GET",
        f"/api/v1/build/{UNKNOWN_ID}/events",
        404,
        detail(f"Job not found: Job queue not found for job_id: {UNKNOWN_ID}"),
    ),
    Exchange(
        "build cancel missing",
        "POST",
        f"/api/v1/build/{UNKNOWN_ID}/cancel",
        404,
        detail(f"Job not found: Job queue not found for job_id: {UNKNOWN_ID}"),
    ),
    Exchange(
        "build start for cancel",
        "POST",
        "/api/v1/build/{flow}/flow",
        200,
        {"job_id": UUID},
        {"json": {}},
        captures={"job2": "job_id"},
    ),
    Exchange(
        "build cancel",
        "POST",
        "/api/v1/build/{job2}/cancel",
        200,
        {"success": True, "message": "Flow build cancelled successfully"},
    ),
    Exchange(
        "build public",
        "POST",
        "/api/v1/build_public_tmp/{flow}/flow",
        200,
        {"job_id": UUID},
        {"json": {"inputs": {"input_value": "pub", "session": "anon"}}, "headers": {"cookie": "client_id=cid-1"}},
        caller=None,
    ),
    Exchange(
        "build public private flow",
        "POST",
        "/api/v1/build_public_tmp/{other_flow}/flow",
        403,
        detail("Flow is not public"),
        {"json": {}, "headers": {"cookie": "client_id=cid-1"}},
        caller=None,
    ),
]

MONITOR = [
    Exchange("messages", "GET", "/api/v1/monitor/messages", 200, [LISTED_MESSAGE], {"params": {"flow_id": "{flow}"}}),
    Exchange(
        "messages of session",
        "GET",
        "/api/v1/monitor/messages",
        200,
        [
            {**LISTED_MESSAGE, "session_id": "{session}", "sender": "User"},
            {**LISTED_MESSAGE, "session_id": "{session}", "sender": "Machine"},
        ],
        {"params": {"session_id": "{session}", "order_by": "timestamp"}},
        captures={"message": "0.id"},
    ),
    Exchange(
        "sessions",
        "GET",
        "/api/v1/monitor/messages/sessions",
        200,
        [str],
        {"params": {"flow_id": "{flow}"}},
    ),
    Exchange(
        "message update",
        "PUT",
        "/api/v1/monitor/messages/{message}",
        200,
        {**MESSAGE, "text": "edited", "edit": True, "files": [], "error": False},
        {"json": {"text": "edited", "edit": True}},
    ),
    Exchange("message delete", "DELETE", "/api/v1/monitor/messages", 204, request={"json": ["{message}"]}),
    Exchange(
        "message update missing",
        "PUT",
        f"/api/v1/monitor/messages/{UNKNOWN_ID}",
        404,
        detail("Message not found"),
        {"json": {"text": "x"}},
    ),
    Exchange(
        "session rename",
        "PATCH",
        "/api/v1/monitor/messages/session/{session}",
        200,
        [{**LISTED_MESSAGE, "session_id": "{session}/2"}],
        {"params": {"new_session_id": "{session}/2"}},
    ),
    Exchange(
        "session rename missing",
        "PATCH",
        "/api/v1/monitor/messages/session/none",
        404,
        detail("No messages found with the given session ID"),
        {"params": {"new_session_id": "s-3"}},
    ),
    Exchange("session delete", "DELETE", "/api/v1/monitor/messages/session/{session}/2", 204),
    Exchange(
        "the session is gone", "GET", "/api/v1/monitor/messages", 200, [], {"params": {"session_id": "{session}/2"}}
    ),
    Exchange(
        "builds",
        "GET",
        "/api/v1/monitor/builds",
        200,
        {"vertex_builds": {"ChatInput-a": [BUILD]}},
        {"params": {"flow_id": "{flow}"}},
    ),
    Exchange(
        "transactions",
        "GET",
        "/api/v1/monitor/transactions",
        200,
        {
            "items": [
                {
                    "id": UUID,
                    "flow_id": UUID,
                    "vertex_id": str,
                    "target_id": Maybe(str),
                    "timestamp": TIME,
                    "status": "success",
                    "error": None,
                    "inputs": dict,
                    "outputs": dict,
                }
            ],
            "total": int,
            "page": 1,
            "size": 3,
            "pages": int,
        },
        {"params": {"flow_id": "{flow}", "page": 1, "size": 3}},
    ),
    Exchange(
        "no transactions",
        "GET",
        "/api/v1/monitor/transactions",
        200,
        {"items": [], "total": 0, "page": 1, "size": 3, "pages": 0},
        {"params": {"flow_id": "{other_flow}", "page": 1, "size": 3}},
    ),
    Exchange("builds delete", "DELETE", "/api/v1/monitor/builds", 204, request={"params": {"flow_id": "{flow}"}}),
    Exchange(
        "no builds", "GET", "/api/v1/monitor/builds", 200, {"vertex_builds": {}}, {"params": {"flow_id": "{flow}"}}
    ),
]

_STAMPED = r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_"

FILES = [
    Exchange(
        "file v1 upload",
        "POST",
        "/api/v1/files/upload/{flow}",
        201,
        {"flowId": "{flow}", "file_path": Matching(r"[0-9a-f-]{36}/" + _STAMPED + r"a\.txt")},
        file_form("a.txt", b"hello file"),
        captures={"path": "file_path"},
    ),
    Exchange(
        "file v1 list",
        "GET",
        "/api/v1/files/list/{flow}",
        200,
        {"files": [Matching(_STAMPED + r"a\.txt")]},
        captures={"file_name": "files.0"},
    ),
    Exchange(
        "file v1 download",
        "GET",
        "/api/v1/files/download/{flow}/{file_name}",
        200,
        {"bytes": "hello file"},
        type="application/octet-stream",
    ),
    Exchange(
        "file v1 image refused",
        "GET",
        "/api/v1/files/images/{flow}/{file_name}",
        415,
        detail("Content type text/plain is not an image"),
    ),
    Exchange(
        "file v1 traversal", "GET", "/api/v1/files/download/{flow}/..%2F..%2Fetc%2Fpasswd", 404, detail("Not Found")
    ),
    Exchange(
        "file v1 missing",
        "GET",
        "/api/v1/files/download/{flow}/none.txt",
        404,
        detail("File none.txt not found in flow {flow}"),
    ),
    *(
        Exchange(
            f"file v1 {action} {name}",
            method,
            f"/api/v1/files/{action}/{{flow}}/{name}",
            400,
            detail("Invalid file name"),
        )
        for method, action in (("GET", "download"), ("DELETE", "delete"))
        for name in ("..secret.txt", "a..b", "..%5Csecret.txt", "a%5Cb.txt")
    ),
    Exchange(
        "file v1 delete",
        "DELETE",
        "/api/v1/files/delete/{flow}/{file_name}",
        200,
        {"message": "File {file_name} deleted successfully"},
    ),
    Exchange(
        "profile pictures",
        "GET",
        "/api/v1/files/profile_pictures/list",
        200,
        {"files": [Matching(r"(People|Space)/.+\.svg")]},
        caller=None,
    ),
    Exchange(
        "profile picture",
        "GET",
        "/api/v1/files/profile_pictures/Space/046-rocket.svg",
        200,
        {"bytes": Matching(r"(?s)<svg.*")},
        caller=None,
        type="image/svg+xml",
    ),
    Exchange(
        "no profile picture",
        "GET",
        "/api/v1/files/profile_pictures/Space/none.svg",
        404,
        detail("There is no such picture"),
        caller=None,
    ),
    Exchange(
        "no folder of profile pictures",
        "GET",
        "/api/v1/files/profile_pictures/Nowhere/046-rocket.svg",
        400,
        {"detail": Matching(r".*People, Space")},
        caller=None,
    ),
    Exchange(
        "upload deprecated",
        "POST",
        "/api/v1/upload/{flow}",
        201,
        {"flowId": "{flow}", "file_path": str},
        file_form("b.txt", b"old"),
    ),
    Exchange(
        "file v2 upload",
        "POST",
        "/api/v2/files",
        201,
        {**FILE, "name": "doc", "path": "{me}/doc.txt", "size": 8},
        file_form("doc.txt", b"hello v2"),
        captures={"file": "id"},
    ),
    Exchange(
        "file v2 upload same name",
        "POST",
        "/api/v2/files/",
        201,
        {**FILE, "name": "doc (1)", "path": "{me}/doc (1).txt", "size": 14},
        file_form("doc.txt", b"hello v2 again"),
        captures={"file2": "id"},
    ),
    Exchange(
        "file v2 append",
        "POST",
        "/api/v2/files",
        201,
        {**FILE, "name": "doc", "size": 10},
        {"params": {"append": "true"}, **file_form("doc.txt", b"!!")},
    ),
    Exchange("file v2 upload nothing", "POST", "/api/v2/files", 422, missing("body", "file", value=None)),
    Exchange(
        "file v2 list",
        "GET",
        "/api/v2/files",
        200,
        [{**LISTED_FILE, "name": "doc"}, {**LISTED_FILE, "name": "doc (1)"}],
    ),
    Exchange(
        "file v2 download", "GET", "/api/v2/files/{file}", 200, {"bytes": "hello v2!!"}, type="application/octet-stream"
    ),
    Exchange(
        "file v2 content", "GET", "/api/v2/files/{file}", 200, "hello v2!!", {"params": {"return_content": "true"}}
    ),
    Exchange(
        "file v2 rename",
        "PUT",
        "/api/v2/files/{file}",
        200,
        {**FILE, "name": "renamed", "path": "{me}/doc.txt"},
        {"params": {"name": "renamed"}},
    ),
    Exchange(
        "file v2 rename to a taken name",
        "PUT",
        "/api/v2/files/{file}",
        409,
        detail("You have another file with the name doc (1)."),
        {"params": {"name": "doc (1)"}},
    ),
    Exchange("file v2 missing", "GET", f"/api/v2/files/{UNKNOWN_ID}", 404, detail("File not found")),
    Exchange(
        "file v2 batch",
        "POST",
        "/api/v2/files/batch/",
        200,
        {"zip": ["renamed.txt", "doc (1).txt"]},
        {"json": ["{file}", "{file2}"]},
        type="application/x-zip-compressed",
    ),
    Exchange(
        "file v2 batch delete",
        "DELETE",
        "/api/v2/files/batch/",
        200,
        {"message": "1 files deleted successfully"},
        {"json": ["{file2}"]},
    ),
    Exchange("file v2 delete", "DELETE", "/api/v2/files/{file}", 200, detail("File renamed deleted successfully")),
    *(
        Exchange(
            f"file v2 upload {name}",
            "POST",
            "/api/v2/files",
            201,
            {**FILE, "name": stored, "path": f"{{me}}/{stored}.txt"},
            file_form(name, b"x"),
        )
        for name, stored in (
            ("gaptest.txt", "gaptest"),
            ("gaptest (2).txt", "gaptest (2)"),
            ("gaptest.txt", "gaptest (3)"),
        )
    ),
    Exchange("file v2 delete the numbered", "DELETE", "/api/v2/files", 200, {"message": str}),
    Exchange("file v2 one more", "POST", "/api/v2/files", 201, FILE, file_form("doc.txt", b"x")),
    Exchange("file v2 delete all", "DELETE", "/api/v2/files", 200, {"message": "All 1 files deleted successfully"}),
]

VARIABLES = [
    Exchange(
        "variable create",
        "POST",
        "/api/v1/variables/",
        201,
        {"id": UUID, "name": "{variable}", "type": "Credential", "value": None, "default_fields": ["api_key"]},
        {"json": {"name": "{variable}", "value": "secret", "type": "Credential", "default_fields": ["api_key"]}},
        captures={"variable_id": "id"},
    ),
    Exchange(
        "variable create duplicate",
        "POST",
        "/api/v1/variables/",
        400,
        detail("Variable name already exists"),
        {"json": {"name": "{variable}", "value": "x", "type": "Credential", "default_fields": []}},
    ),
    Exchange(
        "variable create empty",
        "POST",
        "/api/v1/variables/",
        400,
        detail("Variable name and value cannot be empty"),
        {"json": {"name": "", "value": "", "type": "Generic", "default_fields": []}},
    ),
    Exchange(
        "variable create generic",
        "POST",
        "/api/v1/variables/",
        201,
        {"id": UUID, "name": "{variable}-2", "type": "Generic", "value": str, "default_fields": []},
        {"json": {"name": "{variable}-2", "value": "visible", "type": "Generic", "default_fields": []}},
        captures={"generic_id": "id"},
    ),
    Exchange(
        "variables list",
        "GET",
        "/api/v1/variables/",
        200,
        [{"id": UUID, "name": str, "type": str, "value": Maybe(str), "default_fields": Maybe(list)}],
    ),
    Exchange(
        "variable patch",
        "PATCH",
        "/api/v1/variables/{generic_id}",
        200,
        {"id": UUID, "name": "{variable}-3", "type": "Generic", "value": "new"},
        {"json": {"id": "{generic_id}", "name": "{variable}-3", "value": "new"}},
    ),
    Exchange("variable delete", "DELETE", "/api/v1/variables/{variable_id}", 204),
    Exchange(
        "variable patch missing",
        "PATCH",
        f"/api/v1/variables/{UNKNOWN_ID}",
        404,
        detail("Variable not found"),
        {"json": {"id": UNKNOWN_ID, "name": "OTHER", "value": "x"}},
    ),
    Exchange(
        "variable delete missing",
        "DELETE",
        f"/api/v1/variables/{UNKNOWN_ID}",
        404,
        detail(f"{UNKNOWN_ID} variable not found."),
    ),
]

NODE: dict[str, Any] = {
    "template": {"_type": "Component", "template": {"value": "", "type": "prompt", "name": "template"}},
    "description": "",
    "base_classes": ["Message"],
    "name": "",
    "display_name": "Prompt",
    "documentation": "",
    "custom_fields": {},
    "output_types": [],
    "outputs": [],
}

VALIDATION = [
    Exchange(
        "validate code good",
        "POST",
        "/api/v1/validate/code",
        200,
        {"imports": {"errors": []}, "function": {"errors": []}},
        {"json": {"code": "import os\ndef f(x: int) -> int:\n    return x\n"}},
    ),
    Exchange(
        "validate code syntax",
        "POST",
        "/api/v1/validate/code",
        200,
        {"imports": {"errors": []}, "function": {"errors": ["invalid syntax (<unknown>, line 1)"]}},
        {"json": {"code": "def f(:\n"}},
    ),
    Exchange(
        "validate code import",
        "POST",
        "/api/v1/validate/code",
        200,
        {"imports": {"errors": ["No module named 'no_such_module_xyz'"]}, "function": {"errors": []}},
        {"json": {"code": "import no_such_module_xyz\n"}},
    ),
    Exchange(
        "validate prompt",
        "POST",
        "/api/v1/validate/prompt",
        200,
        {
            "input_variables": ["who", "what"],
            "frontend_node": {
                **NODE,
                "template": {**NODE["template"], "who": prompt_field("who"), "what": prompt_field("what")},
                "custom_fields": {"template": ["who", "what"]},
                "icon": None,
                "is_input": None,
                "priority": None,
                "frozen": False,
                "metadata": {},
                "tool_mode": False,
                "error": None,
            },
        },
        {"json": {"name": "template", "template": "Hi {{who}}, {{what}}!", "frontend_node": NODE}},
    ),
    Exchange(
        "validate prompt bad",
        "POST",
        "/api/v1/validate/prompt",
        400,
        detail(Matching("The template is not valid.*")),
        {"json": {"name": "template", "template": "Hi {{who"}},
    ),
    Exchange(
        "custom component broken",
        "POST",
        "/api/v1/custom_component",
        400,
        {"detail": {"error": "Error building Component: Invalid Python code: invalid syntax (<unknown>, line 1)"}},
        {"json": {"code": "class X(:"}},
    ),
]

MCP_SERVERS = [
    Exchange("mcp servers", "GET", "/api/v2/mcp/servers", 200, []),
    Exchange(
        "mcp server add",
        "POST",
        "/api/v2/mcp/servers/demo",
        200,
        {"command": "python", "args": ["-c", "pass"], "env": {}},
        {"json": {"command": "python", "args": ["-c", "pass"], "env": {}}},
    ),
    Exchange(
        "mcp server read",
        "GET",
        "/api/v2/mcp/servers/demo",
        200,
        {"command": "python", "args": ["-c", "pass"], "env": {}},
    ),
    Exchange(
        "mcp server patch",
        "PATCH",
        "/api/v2/mcp/servers/demo",
        200,
        {"command": "python3", "args": []},
        {"json": {"command": "python3", "args": []}},
    ),
    Exchange("mcp server delete", "DELETE", "/api/v2/mcp/servers/demo", 200, None),
]

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "contract", "version": "1"},
    },
}
MCP_REQUEST = {"json": INITIALIZE, "headers": {"accept": "application/json, text/event-stream"}}
INITIALIZED = {"bytes": Matching(r'event: message\r\ndata: \{"jsonrpc":"2.0","id":1,"result":\{.*\}\}\r\n\r\n')}
AUTH_SETTINGS = {
    "auth_type": "apikey",
    "oauth_host": None,
    "oauth_port": None,
    "oauth_server_url": None,
    "oauth_callback_path": None,
    "oauth_client_id": None,
    "oauth_client_secret": None,
    "oauth_auth_url": None,
    "oauth_token_url": None,
    "oauth_mcp_scope": None,
    "oauth_provider_scope": None,
}
PROGRAM = {"installed": bool, "available": bool}

MCP = [
    Exchange("mcp head", "HEAD", "/api/v1/mcp/streamable", 200, {"bytes": ""}, type=None),
    Exchange("mcp sse head", "HEAD", "/api/v1/mcp/sse", 200, {"bytes": ""}, type=None),
    Exchange(
        "mcp initialize",
        "POST",
        "/api/v1/mcp/streamable",
        200,
        INITIALIZED,
        MCP_REQUEST,
        type="text/event-stream",
    ),
    Exchange(
        "mcp project settings",
        "GET",
        "/api/v1/mcp/project/{project}",
        200,
        {"tools": [], "auth_settings": AUTH_SETTINGS},
    ),
    Exchange(
        "mcp project installed",
        "GET",
        "/api/v1/mcp/project/{project}/installed",
        200,
        [{"name": n, **PROGRAM} for n in ("cursor", "windsurf", "claude", "claude-code", "vscode")],
    ),
    Exchange(
        "mcp project initialize",
        "POST",
        "/api/v1/mcp/project/{project}/streamable",
        200,
        INITIALIZED,
        MCP_REQUEST,
        type="text/event-stream",
    ),
    Exchange("mcp anonymous", "POST", "/api/v1/mcp/streamable", 403, {"detail": str}, MCP_REQUEST, caller=None),
    Exchange("mcp project of another", "GET", "/api/v1/mcp/project/{project}", 404, {"detail": str}, caller="ada"),
]

THE_REST = [
    Exchange("store check", "GET", "/api/v1/store/check/", 200, {"enabled": False}, caller=None),
    Exchange("store tags", "GET", "/api/v1/store/tags", 400, {"detail": str}, caller=None),
    Exchange("store check key", "GET", "/api/v1/store/check/api_key", 400, {"detail": str}),
    Exchange("knowledge bases", "GET", "/api/v1/knowledge_bases", 200, []),
    Exchange("logs", "GET", "/logs", 501, detail("Log retrieval is disabled")),
    Exchange("registration", "GET", "/api/v2/registration/", 200, {"message": "No user registered"}),
    Exchange("unknown api path", "GET", "/api/v1/no-such-path", 404, detail("Not Found")),
    Exchange("project delete", "DELETE", "/api/v1/projects/{project}", 204, type=None),
    Exchange("the project's flows are gone", "GET", "/api/v1/flows/{flow}", 404, detail("Flow not found")),
    Exchange("flow delete", "DELETE", "/api/v1/flows/{other_flow}", 200, {"message": "Flow deleted successfully"}),
    Exchange("flow delete missing", "DELETE", "/api/v1/flows/{other_flow}", 404, detail("Flow not found")),
    Exchange(
        "user deactivate", "PATCH", "/api/v1/users/{ada_id}", 200, {"is_active": False}, {"json": {"is_active": False}}
    ),
    Exchange(
        "ada is inactive",
        "GET",
        "/api/v1/users/whoami",
        401,
        detail("User not found or is inactive."),
        caller="ada",
    ),
    Exchange(
        "ada cannot log in",
        "POST",
        "/api/v1/login",
        400,
        detail("Inactive user"),
        {"data": {"username": "{ada}", "password": "lovelace2"}},
        caller=None,
    ),
    Exchange("user delete", "DELETE", "/api/v1/users/{ada_id}", 200, detail("User deleted")),
    Exchange("ada is gone", "GET", "/api/v1/users/whoami", 401, detail("User not found or is inactive."), caller="ada"),
    Exchange("logout", "POST", "/api/v1/logout", 200, {"message": "Logout successful"}, caller=None),
]

EXCHANGES = [
    *LOGIN,
    *KEYS,
    *USERS,
    *PROJECTS,
    *FLOWS,
    *RUNS,
    *BUILDS,
    *MONITOR,
    *FILES,
    *VARIABLES,
    *VALIDATION,
    *MCP_SERVERS,
    *MCP,
    *THE_REST,
]
