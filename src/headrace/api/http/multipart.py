"""Uploads: a multipart body (RFC 7578), parsed as it arrives so that no file is loaded into memory."""

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

from headrace.api.http.body_limits import BodyTooLargeError
from headrace.api.http.strict_json import InvalidBodyError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

#: The form field that contains the file.
FIELD = "file"

#: The maximum size of the texts in a form with a file, in bytes.
MAX_FORM_TEXT_BYTES = 64 << 10


def upload_openapi(**texts: dict[str, Any]) -> dict[str, Any]:
    """Return the request body of an upload route in the OpenAPI document: the file, and text fields with their schemas."""
    properties = {FIELD: {"type": "string", "format": "binary"}, **texts}
    schema = {"type": "object", "required": list(properties), "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


#: The request body of an upload route without further fields.
UPLOAD_OPENAPI = upload_openapi()


@dataclass(frozen=True, slots=True)
class _PartStarted:
    field: str
    filename: str | None


@dataclass(frozen=True, slots=True)
class _PartEnded:
    pass


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is being uploaded. `chunks` yields its bytes once."""

    filename: str
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Form:
    """A form with a file. `fields` has the texts before the file, and after the last chunk also those behind it."""

    upload: Upload
    fields: dict[str, str]


class _MultipartReader:
    """Parses the chunks of a body into events."""

    def __init__(self, boundary: bytes) -> None:
        self.events: deque[_PartStarted | bytes | _PartEnded] = deque()
        self.is_complete = False
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

    def feed(self, chunk: bytes) -> None:
        self._parser.write(chunk)

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
        self.events.append(_PartStarted(options.get(b"name", b"").decode("utf-8", "replace"), filename))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self.events.append(data[start:end])

    def _on_part_end(self) -> None:
        self.events.append(_PartEnded())

    def _on_end(self) -> None:
        self.is_complete = True


def _encoded_filename(disposition: bytes) -> str | None:
    """Return the `filename*` of a header (RFC 2231), which clients with older urllib3 send, or None."""
    header = EmailMessage()
    header["content-disposition"] = disposition.decode("latin-1")
    return header.get_filename()


async def _read(request: Request, boundary: bytes) -> AsyncIterator[_PartStarted | bytes | _PartEnded]:
    reader = _MultipartReader(boundary)
    try:
        async for chunk in request.stream():
            reader.feed(chunk)
            while reader.events:
                yield reader.events.popleft()
    except MultipartParseError as error:
        raise InvalidBodyError(f"The request's body is not a valid multipart form: {error}") from error
    if not reader.is_complete:
        raise InvalidBodyError(
            "The request's body ends in the middle of a file. Nothing was stored. Send the file again."
        )


async def read_upload(request: Request) -> Upload:
    """Return the file in the form field `file` of a request.

    Raises:
        RequestValidationError: The form has no such file.
        InvalidBodyError: The body is not a valid multipart form.

    """
    media_type, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if media_type != b"multipart/form-data" or not boundary:
        raise _missing()
    events = _read(request, boundary)
    async for event in events:
        if isinstance(event, _PartStarted) and event.field == FIELD and event.filename is not None:
            return Upload(event.filename, _bytes_of_part(events))
    raise _missing()


async def read_form(request: Request) -> Form:
    """Return the file in the form field `file` of a request, and the other fields.

    Raises:
        RequestValidationError: The form has no such file.
        InvalidBodyError: The body is not a valid multipart form, or its texts are too long.

    """
    media_type, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if media_type != b"multipart/form-data" or not boundary:
        raise _missing()
    events = _read(request, boundary)
    fields = _FormFields()
    async for event in events:
        if isinstance(event, _PartStarted) and event.field == FIELD and event.filename is not None:
            return Form(Upload(event.filename, _bytes_of_part(events, fields)), fields.texts)
        fields.feed(event)
    raise _missing()


class _FormFields:
    """Collects the texts of a form."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self._name: str | None = None
        self._content = bytearray()
        self._size = 0

    def feed(self, event: _PartStarted | bytes | _PartEnded) -> None:
        """Read the next event of a part.

        Raises:
            InvalidBodyError: The texts are too long.

        """
        if isinstance(event, _PartStarted):
            self._name = event.field
            self._content.clear()
        elif isinstance(event, bytes):
            self._size += len(event)
            if self._size > MAX_FORM_TEXT_BYTES:
                raise InvalidBodyError(f"The texts of the form are longer than {MAX_FORM_TEXT_BYTES} bytes.")
            self._content += event
        elif self._name is not None:
            self.texts[self._name] = self._content.decode("utf-8", "replace")
            self._name = None


async def _bytes_of_part(
    events: AsyncIterator[_PartStarted | bytes | _PartEnded], fields: _FormFields | None = None
) -> AsyncIterator[bytes]:
    is_in_part = True
    # The rest of the body is read too, since only its end proves that the file is complete.
    async for event in events:
        if is_in_part and isinstance(event, _PartEnded):
            is_in_part = False
        elif is_in_part and isinstance(event, bytes):
            yield event
        elif not is_in_part and fields is not None:
            fields.feed(event)


def _missing() -> RequestValidationError:
    return RequestValidationError([{"type": "missing", "loc": ("body", FIELD), "msg": "Field required", "input": None}])


async def read_all(upload: Upload, limit: int) -> bytes:
    """Return the bytes of a small upload.

    Raises:
        BodyTooLargeError: The file is larger than `limit` bytes.

    """
    content = bytearray()
    async for chunk in upload.chunks:
        content += chunk
        if len(content) > limit:
            raise BodyTooLargeError(limit)
    return bytes(content)
