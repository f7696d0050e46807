"""Uploads: a multipart body (RFC 7578) read as it arrives, so that no file is ever held whole."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import Message as EmailMessage
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

from headrace.api.json_body import BodyTooLargeError, UnreadableBodyError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FIELD = "file"

#: Paths (or their beginnings, where they end with a slash) that take files of any size that the operator allows.
UPLOAD_PATHS = ("/api/v1/files/upload/", "/api/v1/upload/", "/api/v2/files")
#: What a multipart body may hold around its file.
FRAME_BYTES = 1 << 20

#: What an upload route says of itself in the OpenAPI description.
UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class _PartBegan:
    field: str
    filename: str | None


@dataclass(frozen=True, slots=True)
class _PartEnded:
    pass


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way in. `chunks` yields its bytes once."""

    filename: str
    chunks: AsyncIterator[bytes]


class _Parts:
    """Turns pieces of a body into what happened in it."""

    def __init__(self, boundary: bytes) -> None:
        self.happened: deque[_PartBegan | bytes | _PartEnded] = deque()
        self.ended = False
        self._header, self._value = b"", b""
        self._disposition = b""
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._on_part_begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }
        self._parser = MultipartParser(boundary, callbacks)

    def feed(self, piece: bytes) -> None:
        self._parser.write(piece)

    def _on_part_begin(self) -> None:
        self._disposition = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"filename")
        filename = _encoded_filename(self._disposition) if name is None else name.decode("utf-8", "replace")
        self.happened.append(_PartBegan(options.get(b"name", b"").decode("utf-8", "replace"), filename))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self.happened.append(data[start:end])

    def _on_part_end(self) -> None:
        self.happened.append(_PartEnded())

    def _on_end(self) -> None:
        self.ended = True


def _encoded_filename(disposition: bytes) -> str | None:
    """Return the name that a header gives as `filename*` (RFC 2231), as clients on older urllib3 do, or None."""
    header = EmailMessage()
    header["content-disposition"] = disposition.decode("latin-1")
    return header.get_filename()


async def _read(request: Request, boundary: bytes) -> AsyncIterator[_PartBegan | bytes | _PartEnded]:
    parts = _Parts(boundary)
    try:
        async for piece in request.stream():
            parts.feed(piece)
            while parts.happened:
                yield parts.happened.popleft()
    except MultipartParseError as error:
        raise UnreadableBodyError(f"The request's body is no multipart form: {error}") from error
    if not parts.ended:
        raise UnreadableBodyError("The request's body ends in the middle of a file. Nothing was kept; send it again.")


async def upload_of(request: Request) -> Upload:
    """Return the file that a request brings in its field `file`.

    Raises:
        RequestValidationError: it brings none.
        UnreadableBodyError: the body is no multipart form.

    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise _missing()
    events = _read(request, boundary)
    async for event in events:
        if isinstance(event, _PartBegan) and event.field == FIELD and event.filename is not None:
            return Upload(event.filename, _bytes_of_part(events))
    raise _missing()


async def _bytes_of_part(events: AsyncIterator[_PartBegan | bytes | _PartEnded]) -> AsyncIterator[bytes]:
    inside = True
    # What comes behind the file is read too: only the whole body shows that the file is whole.
    async for event in events:
        if isinstance(event, _PartEnded):
            inside = False
        elif inside and isinstance(event, bytes):
            yield event


def _missing() -> RequestValidationError:
    return RequestValidationError([{"type": "missing", "loc": ("body", FIELD), "msg": "Field required", "input": None}])


async def read_whole(upload: Upload, limit: int) -> bytes:
    """Return a small upload whole.

    Raises:
        BodyTooLargeError: it is larger than `limit` bytes.

    """
    held = bytearray()
    async for chunk in upload.chunks:
        held += chunk
        if len(held) > limit:
            raise BodyTooLargeError(limit)
    return bytes(held)
