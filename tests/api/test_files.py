"""Files over HTTP."""

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
from tests.clients import signed_in
from tests.conftest import settings_for
from tests.flow_builder import echo_flow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def files(database_url: str | None, folder: Path) -> Iterator[httpx2.Client]:
    settings = settings_for(folder, database_url, max_file_size_upload=1, max_request_bytes=100_000)
    with signed_in(create_app(settings)) as client:
        client.delete("/api/v2/files")
        yield client


def sent(client: httpx2.Client, name: str, content: bytes = b"x", **params: str) -> httpx2.Response:
    return client.post("/api/v2/files", files={"file": (name, content)}, params=params)


def kept(folder: Path) -> list[Path]:
    return [f for f in (folder / "files").rglob("*") if f.is_file()]


def test_a_file_over_the_limit_is_refused_while_it_comes_and_leaves_nothing(files: httpx2.Client, folder: Path) -> None:
    answer = sent(files, "large.bin", b"x" * ((1 << 20) + 1))
    assert answer.status_code == 413
    assert "LANGFLOW_MAX_FILE_SIZE_UPLOAD" in answer.json()["detail"]

    def endless() -> Iterator[bytes]:
        yield b'--line\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(40):
            yield b"x" * 100_000

    # The server hangs up once it has seen enough; the answer may come before the caller notices, or be lost with it.
    with contextlib.suppress(httpx2.NetworkError):
        kind = {"content-type": "multipart/form-data; boundary=line"}
        assert files.post("/api/v2/files", content=endless(), headers=kind).status_code == 413
    assert kept(folder) == []
    assert files.get("/api/v2/files").json() == []


def test_a_body_that_ends_early_or_is_no_form_keeps_nothing(files: httpx2.Client, folder: Path) -> None:
    kind = {"content-type": "multipart/form-data; boundary=line"}
    cut = b'--line\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf'
    answer = files.post("/api/v2/files", content=cut, headers=kind)
    assert (answer.status_code, "ends in the middle" in answer.json()["detail"]) == (400, True)
    assert files.post("/api/v2/files", content=b"no form at all", headers=kind).status_code == 400
    field = b'--line\r\nContent-Disposition: form-data; name="other"; filename="a"\r\n\r\nx\r\n--line--\r\n'
    assert files.post("/api/v2/files", content=field, headers=kind).status_code == 422
    text = b'--line\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--line--\r\n'
    assert files.post("/api/v2/files", content=text, headers=kind).status_code == 422
    assert kept(folder) == []


def test_a_caller_who_hangs_up_in_the_middle_leaves_nothing(files: httpx2.Client, folder: Path) -> None:
    address = urlsplit(str(files.base_url))
    head = (
        "POST /api/v2/files HTTP/1.1\r\nhost: h\r\ncontent-type: multipart/form-data; boundary=line\r\n"
        f"authorization: {files.headers['authorization']}\r\ncontent-length: 900000\r\n\r\n"
        '--line\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    ).encode()
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.sendall(head + b"x" * 300_000)
    assert sent(files, "next.txt").status_code == 201
    for _ in range(100):
        if len(kept(folder)) == 1:
            break
        files.get("/health")
    assert [f["name"] for f in files.get("/api/v2/files").json()] == ["next"]
    assert len(kept(folder)) == 1


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
def test_no_name_leaves_the_owners_folder(files: httpx2.Client, folder: Path, name: str, path: str) -> None:
    body = (
        b'--line\r\nContent-Disposition: form-data; name="file"; filename="'
        + name.replace("\\", "\\\\").replace('"', '\\"').encode()
        + b'"\r\n\r\ncontent\r\n--line--\r\n'
    )
    answer = files.post("/api/v2/files", content=body, headers={"content-type": "multipart/form-data; boundary=line"})
    if answer.status_code == 400:
        # A line break in a header is no name at all.
        assert "\n" in name
        return
    owner = files.get("/api/v1/users/whoami").json()["id"]
    assert answer.json()["path"] == f"{owner}/{path}"
    (file,) = kept(folder)
    assert file.parent == folder / "files" / owner
    assert uuid.UUID(file.name)
    read = files.get(f"/api/v2/files/{answer.json()['id']}")
    assert read.content == b"content"
    assert read.headers["content-disposition"].startswith("attachment; ")


def test_a_name_is_read_as_older_clients_encode_it(files: httpx2.Client) -> None:
    body = (
        b"--line\r\nContent-Disposition: form-data; name=\"file\"; filename*=utf-8''gr%C3%B6%C3%9Fe.txt\r\n"
        b"Content-Type: text/plain\r\n\r\ncontent\r\n--line--\r\n"
    )
    kind = {"content-type": 'multipart/form-data; boundary="line"'}
    assert files.post("/api/v2/files", content=body, headers=kind).json()["name"] == "größe"


def test_uploads_of_one_name_at_once_are_all_kept(files: httpx2.Client) -> None:
    answers: list[httpx2.Response] = []
    base, headers = str(files.base_url), dict(files.headers)

    def upload(content: bytes) -> None:
        with httpx2.Client(base_url=base, headers=headers, timeout=30) as client:
            answers.append(sent(client, "same.txt", content))

    threads = [threading.Thread(target=upload, args=(str(i).encode(),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["path"] for a in answers}) == 8
    assert {files.get(f"/api/v2/files/{a.json()['id']}").text for a in answers} == {str(i) for i in range(8)}


def test_a_name_stays_free_of_old_paths(files: httpx2.Client) -> None:
    first = sent(files, "doc.txt").json()
    files.put(f"/api/v2/files/{first['id']}", params={"name": "other"})
    second = sent(files, "doc.txt").json()
    assert (second["name"], second["path"] != first["path"]) == ("doc (1)", True)
    assert sent(files, "doc.pdf").json()["name"] == "doc"
    assert sent(files, "doc.md").json()["name"] == "doc (2)"


def test_several_files_come_as_one_zip(files: httpx2.Client) -> None:
    ids = [sent(files, name, name.encode() * 50_000).json()["id"] for name in ("a.txt", "B.txt")]
    files.put(f"/api/v2/files/{ids[1]}", params={"name": "A"})
    answer = files.post("/api/v2/files/batch/", json=[*ids, str(uuid.uuid4())])
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.txt", "A (1).txt"]
        assert archive.read("a.txt") == b"a.txt" * 50_000
    assert files.post("/api/v2/files/batch/", json=[str(uuid.uuid4())]).status_code == 404


def test_content_is_text_or_refused(files: httpx2.Client) -> None:
    text = sent(files, "t.txt", "größe".encode()).json()["id"]
    binary = sent(files, "b.bin", b"\xff\xfe\x00").json()["id"]
    large = sent(files, "l.txt", b"x" * 200_000).json()["id"]
    asked = {"return_content": True}
    answers = [files.get(f"/api/v2/files/{file_id}", params=asked) for file_id in (text, binary, large)]
    assert [a.status_code for a in answers] == [200, 415, 413]
    assert answers[0].json() == "größe"


def test_appending_makes_one_longer_file_within_the_limit(files: httpx2.Client, folder: Path) -> None:
    first = sent(files, "log.txt", b"one\n", append="true").json()
    second = sent(files, "log.txt", b"two\n", append="true").json()
    assert (second["id"], second["size"]) == (first["id"], 8)
    assert sent(files, "log.txt", b"x" * (1 << 20), append="true").status_code == 413
    assert files.get(f"/api/v2/files/{first['id']}").text == "one\ntwo\n"
    assert len(kept(folder)) == 1


def test_an_image_is_shown_and_what_it_holds_is_not_run(files: httpx2.Client) -> None:
    flow = files.post("/api/v1/flows/", json={"name": f"f {uuid.uuid4()}", "data": echo_flow()}).json()["id"]
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    path = files.post(f"/api/v1/files/upload/{flow}", files={"file": ("x.svg", svg)}).json()["file_path"]
    answer = files.get(f"/api/v1/files/images/{path}")
    assert (answer.headers["content-type"], answer.content) == ("image/svg+xml", svg)
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_flows_files_go_with_it(files: httpx2.Client, folder: Path) -> None:
    project = files.post("/api/v1/projects/", json={"name": f"p {uuid.uuid4()}"}).json()["id"]
    made = []
    for _ in range(3):
        body = {"name": f"f {uuid.uuid4()}", "folder_id": project}
        made.append(files.post("/api/v1/flows/", json=body).json()["id"])
        files.post(f"/api/v1/files/upload/{made[-1]}", files={"file": ("x.txt", b"x")})
    assert len(kept(folder)) == 3
    files.delete(f"/api/v1/flows/{made[0]}")
    assert len(kept(folder)) == 2
    files.request("DELETE", "/api/v1/flows/", content=json.dumps([made[1]]))
    assert len(kept(folder)) == 1
    files.delete(f"/api/v1/projects/{project}")
    assert kept(folder) == []


def test_two_files_sent_to_a_flow_in_one_second_are_two(files: httpx2.Client) -> None:
    flow = files.post("/api/v1/flows/", json={"name": f"f {uuid.uuid4()}"}).json()["id"]
    paths = {
        files.post(f"/api/v1/files/upload/{flow}", files={"file": ("x.txt", b"x")}).json()["file_path"]
        for _ in range(4)
    }
    assert len(paths) == 4
    assert len(files.get(f"/api/v1/files/list/{flow}").json()["files"]) == 4


def test_a_path_that_ends_in_a_line_break_names_nothing(files: httpx2.Client) -> None:
    """Not all files, which the same path without it would delete."""
    sent(files, "stays.txt")
    assert files.delete("/api/v2/files/%0A").status_code == 400
    assert files.delete("/api/v2/files%0A").status_code == 400
    assert [file["name"] for file in files.get("/api/v2/files").json()] == ["stays"]
