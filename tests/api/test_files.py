"""Upload, download and deletion of files over HTTP."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import threading
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import signed_in
from tests.support.flow_builder import echo_flow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def files(database_url: str | None, folder: Path) -> Iterator[httpx2.Client]:
    settings = settings_for(folder, database_url, max_file_size_upload=1, max_request_bytes=100_000)
    with signed_in(create_app(settings)) as client:
        client.delete("/api/v2/files")
        yield client


def upload_file(client: httpx2.Client, name: str, content: bytes = b"x", **params: str) -> httpx2.Response:
    return client.post("/api/v2/files", files={"file": (name, content)}, params=params)


def stored_files(folder: Path) -> list[Path]:
    return [f for f in (folder / "files").rglob("*") if f.is_file()]


def test_an_upload_over_the_size_limit_is_rejected_early_and_leaves_nothing(files: httpx2.Client, folder: Path) -> None:
    response = upload_file(files, "large.bin", b"x" * ((1 << 20) + 1))
    assert response.status_code == 413
    assert "LANGFLOW_MAX_FILE_SIZE_UPLOAD" in response.json()["detail"]

    def endless() -> Iterator[bytes]:
        yield b'--line\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(40):
            yield b"x" * 100_000

    # The server closes the connection at the limit; the client sees either the response or a network error.
    with contextlib.suppress(httpx2.NetworkError):
        headers = {"content-type": "multipart/form-data; boundary=line"}
        assert files.post("/api/v2/files", content=endless(), headers=headers).status_code == 413
    assert stored_files(folder) == []
    assert files.get("/api/v2/files").json() == []


def test_an_incomplete_or_invalid_form_stores_nothing(files: httpx2.Client, folder: Path) -> None:
    headers = {"content-type": "multipart/form-data; boundary=line"}
    cut = b'--line\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf'
    response = files.post("/api/v2/files", content=cut, headers=headers)
    assert (response.status_code, "ends in the middle" in response.json()["detail"]) == (400, True)
    assert files.post("/api/v2/files", content=b"no form at all", headers=headers).status_code == 400
    field = b'--line\r\nContent-Disposition: form-data; name="other"; filename="a"\r\n\r\nx\r\n--line--\r\n'
    assert files.post("/api/v2/files", content=field, headers=headers).status_code == 422
    text = b'--line\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--line--\r\n'
    assert files.post("/api/v2/files", content=text, headers=headers).status_code == 422
    assert stored_files(folder) == []


def test_a_disconnect_during_an_upload_leaves_nothing(files: httpx2.Client, folder: Path) -> None:
    address = urlsplit(str(files.base_url))
    head = (
        "POST /api/v2/files HTTP/1.1\r\nhost: h\r\ncontent-type: multipart/form-data; boundary=line\r\n"
        f"authorization: {files.headers['authorization']}\r\ncontent-length: 900000\r\n\r\n"
        '--line\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    ).encode()
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.sendall(head + b"x" * 300_000)
    assert upload_file(files, "next.txt").status_code == 201
    for _ in range(100):
        if len(stored_files(folder)) == 1:
            break
        files.get("/health")
    assert [f["name"] for f in files.get("/api/v2/files").json()] == ["next"]
    assert len(stored_files(folder)) == 1


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/etc/cron.d/job", "job"),
        ("..", "file"),
        ("a\nb\r.txt", "ab.txt"),
        ("nul\x00.txt", "nul.txt"),
        ('we"ird<>|?*.txt', "we_ird_____.txt"),
        ("über größe 文件.txt", "über größe 文件.txt"),
        ("\u202egpj.exe", "gpj.exe"),
        ("x" * 500 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_every_file_name_stays_in_the_owners_folder(files: httpx2.Client, folder: Path, name: str, path: str) -> None:
    body = (
        b'--line\r\nContent-Disposition: form-data; name="file"; filename="'
        + name.replace("\\", "\\\\").replace('"', '\\"').encode()
        + b'"\r\n\r\ncontent\r\n--line--\r\n'
    )
    response = files.post("/api/v2/files", content=body, headers={"content-type": "multipart/form-data; boundary=line"})
    if response.status_code == 400:
        # A line break in a header makes the form invalid.
        assert "\n" in name
        return
    owner = files.get("/api/v1/users/whoami").json()["id"]
    assert response.json()["path"] == f"{owner}/{path}"
    (file,) = stored_files(folder)
    assert file.parent == folder / "files" / owner
    assert uuid.UUID(file.name)
    download = files.get(f"/api/v2/files/{response.json()['id']}")
    assert download.content == b"content"
    assert download.headers["content-disposition"].startswith("attachment; ")


def test_an_rfc_5987_encoded_name_is_decoded(files: httpx2.Client) -> None:
    body = (
        b"--line\r\nContent-Disposition: form-data; name=\"file\"; filename*=utf-8''gr%C3%B6%C3%9Fe.txt\r\n"
        b"Content-Type: text/plain\r\n\r\ncontent\r\n--line--\r\n"
    )
    headers = {"content-type": 'multipart/form-data; boundary="line"'}
    assert files.post("/api/v2/files", content=body, headers=headers).json()["name"] == "größe"


def test_concurrent_uploads_with_one_name_are_all_stored(files: httpx2.Client) -> None:
    responses: list[httpx2.Response] = []
    base, headers = str(files.base_url), dict(files.headers)

    def upload(content: bytes) -> None:
        with httpx2.Client(base_url=base, headers=headers, timeout=30) as client:
            responses.append(upload_file(client, "same.txt", content))

    threads = [threading.Thread(target=upload, args=(str(i).encode(),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {a.status_code for a in responses} == {201}
    assert len({a.json()["path"] for a in responses}) == 8
    assert {files.get(f"/api/v2/files/{a.json()['id']}").text for a in responses} == {str(i) for i in range(8)}


def test_a_new_file_does_not_reuse_the_path_of_a_renamed_file(files: httpx2.Client) -> None:
    first = upload_file(files, "doc.txt").json()
    files.put(f"/api/v2/files/{first['id']}", params={"name": "other"})
    second = upload_file(files, "doc.txt").json()
    assert (second["name"], second["path"] != first["path"]) == ("doc (1)", True)
    assert upload_file(files, "doc.pdf").json()["name"] == "doc"
    assert upload_file(files, "doc.md").json()["name"] == "doc (2)"


def test_several_files_are_downloaded_as_one_zip(files: httpx2.Client) -> None:
    ids = [upload_file(files, name, name.encode() * 50_000).json()["id"] for name in ("a.txt", "B.txt")]
    files.put(f"/api/v2/files/{ids[1]}", params={"name": "A"})
    response = files.post("/api/v2/files/batch/", json=[*ids, str(uuid.uuid4())])
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.txt", "A (1).txt"]
        assert archive.read("a.txt") == b"a.txt" * 50_000
    assert files.post("/api/v2/files/batch/", json=[str(uuid.uuid4())]).status_code == 404


def test_content_is_returned_only_for_text_within_the_size_limit(files: httpx2.Client) -> None:
    text = upload_file(files, "t.txt", "größe".encode()).json()["id"]
    binary = upload_file(files, "b.bin", b"\xff\xfe\x00").json()["id"]
    large = upload_file(files, "l.txt", b"x" * 200_000).json()["id"]
    params = {"return_content": True}
    responses = [files.get(f"/api/v2/files/{file_id}", params=params) for file_id in (text, binary, large)]
    assert [a.status_code for a in responses] == [200, 415, 413]
    assert responses[0].json() == "größe"


def test_appending_extends_a_file_up_to_the_size_limit(files: httpx2.Client, folder: Path) -> None:
    first = upload_file(files, "log.txt", b"one\n", append="true").json()
    second = upload_file(files, "log.txt", b"two\n", append="true").json()
    assert (second["id"], second["size"]) == (first["id"], 8)
    assert upload_file(files, "log.txt", b"x" * (1 << 20), append="true").status_code == 413
    assert files.get(f"/api/v2/files/{first['id']}").text == "one\ntwo\n"
    assert len(stored_files(folder)) == 1


def test_an_image_is_displayed_in_a_sandbox(files: httpx2.Client) -> None:
    flow = files.post("/api/v1/flows/", json={"name": f"f {uuid.uuid4()}", "data": echo_flow()}).json()["id"]
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    path = files.post(f"/api/v1/files/upload/{flow}", files={"file": ("x.svg", svg)}).json()["file_path"]
    response = files.get(f"/api/v1/files/images/{path}")
    assert (response.headers["content-type"], response.content) == ("image/svg+xml", svg)
    assert "sandbox" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"


def test_deleting_a_flow_deletes_its_files(files: httpx2.Client, folder: Path) -> None:
    project = files.post("/api/v1/projects/", json={"name": f"p {uuid.uuid4()}"}).json()["id"]
    flow_ids = []
    for _ in range(3):
        body = {"name": f"f {uuid.uuid4()}", "folder_id": project}
        flow_ids.append(files.post("/api/v1/flows/", json=body).json()["id"])
        files.post(f"/api/v1/files/upload/{flow_ids[-1]}", files={"file": ("x.txt", b"x")})
    assert len(stored_files(folder)) == 3
    files.delete(f"/api/v1/flows/{flow_ids[0]}")
    assert len(stored_files(folder)) == 2
    files.request("DELETE", "/api/v1/flows/", content=json.dumps([flow_ids[1]]))
    assert len(stored_files(folder)) == 1
    files.delete(f"/api/v1/projects/{project}")
    assert stored_files(folder) == []


def test_uploads_to_a_flow_in_the_same_second_are_separate_files(files: httpx2.Client) -> None:
    flow = files.post("/api/v1/flows/", json={"name": f"f {uuid.uuid4()}"}).json()["id"]
    paths = {
        files.post(f"/api/v1/files/upload/{flow}", files={"file": ("x.txt", b"x")}).json()["file_path"]
        for _ in range(4)
    }
    assert len(paths) == 4
    assert len(files.get(f"/api/v1/files/list/{flow}").json()["files"]) == 4


def test_a_path_that_ends_in_a_line_break_is_rejected(files: httpx2.Client) -> None:
    """Without the line break, the path would delete all files."""
    upload_file(files, "stays.txt")
    assert files.delete("/api/v2/files/%0A").status_code == 400
    assert files.delete("/api/v2/files%0A").status_code == 400
    assert [file["name"] for file in files.get("/api/v2/files").json()] == ["stays"]
