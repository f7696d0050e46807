"""Files of the OpenAI API."""

from __future__ import annotations

import os
from typing import Any

import httpx2
import openai
import pytest

from tests.support.recording_model import RecordingModel


def test_a_file_is_stored_listed_read_and_deleted(sdk: openai.OpenAI) -> None:
    content = os.urandom(200_000)
    file = sdk.files.create(file=("picture.png", content), purpose="vision")
    assert (file.object, file.filename, file.bytes, file.purpose, file.status) == (
        "file",
        "picture.png",
        len(content),
        "vision",
        "processed",
    )
    assert sdk.files.retrieve(file.id) == file
    assert file.id in [f.id for f in sdk.files.list(purpose="vision")]
    assert file.id not in [f.id for f in sdk.files.list(purpose="batch")]
    assert sdk.files.content(file.id).read() == content
    assert sdk.files.delete(file.id).deleted
    for request in (sdk.files.retrieve, sdk.files.content, sdk.files.delete):
        with pytest.raises(openai.NotFoundError):
            request(file.id)


def test_the_purpose_may_follow_the_file(client: httpx2.Client) -> None:
    boundary = "limit"
    body = (
        b'--limit\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n'
        b'--limit\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nassistants\r\n--limit--\r\n'
    )
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    file = client.post("/v1/files", content=body, headers=headers).json()
    assert (file["purpose"], file["bytes"]) == ("assistants", 5)
    assert client.get(f"/v1/files/{file['id']}/content").content == b"hello"


@pytest.mark.parametrize(
    ("fields", "param"),
    [({}, "purpose"), ({"purpose": "fun"}, "purpose"), ({"purpose": "batch", "foo": "x"}, "foo"),
     ({"purpose": "batch", "expires_after[anchor]": "created_at"}, "expires_after[anchor]")],
)  # fmt: skip
def test_a_form_with_a_wrong_field_stores_nothing(client: httpx2.Client, fields: dict[str, str], param: str) -> None:
    before = len(client.get("/v1/files").json()["data"])
    response = client.post("/v1/files", files={"file": ("a.txt", b"x")}, data=fields)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    assert len(client.get("/v1/files").json()["data"]) == before


def test_a_form_without_a_file_names_it(client: httpx2.Client) -> None:
    response = client.post("/v1/files", data={"purpose": "batch"})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "file")


def test_pages_of_files_follow_each_other(sdk: openai.OpenAI) -> None:
    ids = [sdk.files.create(file=(f"{n}.txt", b"x"), purpose="evals").id for n in range(3)]
    first = sdk.files.list(purpose="evals", limit=2, order="asc")
    assert ([f.id for f in first.data], first.has_more) == (ids[:2], True)
    assert {*ids} <= {f.id for f in sdk.files.list(purpose="evals", limit=1)}
    with pytest.raises(openai.BadRequestError) as unknown:
        sdk.files.list(after="file-unknown")
    assert unknown.value.param == "after"
    for file_id in ids:
        sdk.files.delete(file_id)


def test_files_uploaded_elsewhere_are_listed_too(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    uploaded = client.post("/api/v2/files", files={"file": ("elsewhere.txt", b"x")}).json()
    files = {f.filename: f for f in sdk.files.list()}
    file = files[f"{uploaded['name']}.txt"]
    assert (file.purpose, file.id) == ("user_data", f"file-{uploaded['id'].replace('-', '')}")
    sdk.files.delete(file.id)
    assert client.get(f"/api/v2/files/{uploaded['id']}").status_code == 404


def file_parts(sdk: openai.OpenAI, name: str, count: int) -> Any:
    """Upload a file and return a message that refers to it several times."""
    file = sdk.files.create(file=(f"{name}.txt", name.encode()), purpose="user_data")
    parts = [{"type": "input_text", "text": "see"}, *([{"type": "input_file", "file_id": file.id}] * count)]
    return [{"role": "user", "content": parts}]


def test_a_request_has_a_hundred_files_at_most(sdk: openai.OpenAI, chat_flow: str, model: RecordingModel) -> None:
    [message] = file_parts(sdk, "many", 101)
    with pytest.raises(openai.BadRequestError, match="at most 100") as refused:
        sdk.responses.create(model=chat_flow, input=[message])
    assert refused.value.param == "input"
    parts: Any = [{"type": "file", "file": {"file_id": part["file_id"]}} for part in message["content"][1:]]
    with pytest.raises(openai.BadRequestError, match="at most 100") as refused:
        sdk.chat.completions.create(model=chat_flow, messages=[{"role": "user", "content": parts}])
    assert refused.value.param == "messages"
    assert model.bodies == []


def test_the_newest_files_of_earlier_responses_are_sent(
    sdk: openai.OpenAI, chat_flow: str, model: RecordingModel
) -> None:
    first = sdk.responses.create(model=chat_flow, input=file_parts(sdk, "old", 60))
    sdk.responses.create(model=chat_flow, input=file_parts(sdk, "new", 70), previous_response_id=first.id)
    sent = str(model.last["messages"])
    assert (sent.count("old.txt"), sent.count("new.txt")) == (30, 70)
