"""Turn the parts of a message into the content of a request, in the format of OpenAI's protocol.

Source: https://platform.openai.com/docs/api-reference/chat/create (content parts) and
https://platform.openai.com/docs/guides/pdf-files
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from headrace.errors import HeadraceError, NotFoundError
from headrace.limits.byte_budget import current_budget
from headrace.limits.large_values import call_off_loop
from headrace.models.content import AudioPart, FilePart, ImagePart, Part, StoredPart, TextPart
from headrace.models.media_types import media_type_of
from headrace.models.provider import ModelError

#: Checks the host of a URL, and raises an error if it is a private address that the operator does not allow.
CheckUrl = Callable[[str], None]
#: Returns the content of a file of the flow's owner.
ReadFile = Callable[[str], Awaitable[bytes]]
#: A text, or the parts of a content in the protocol's format.
WireContent = str | list[dict[str, Any]]

_IMAGE_URLS = ("https://", "data:image/")
#: The JSON of a request contains an attachment once more.
COPIES = 2


class ContentError(ModelError):
    """The content of a message cannot be sent to a model. Another content can."""


class UnreadableFileError(ContentError):
    """A model cannot read a file of this type."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The model cannot read the file {name!r}: it is not an image, a PDF or a text file. Read it with a File component, "
            "and send its text."
        )


class UnsupportedMediaError(ContentError):
    """The provider of a model takes no content of this kind."""

    def __init__(self, provider: str, kind: str, name: str) -> None:
        super().__init__(
            f"The provider {provider} takes no content of the kind {kind!r}, so {name} cannot be sent to its model. Choose another "
            "provider, or send only text."
        )


class ContentEncoder:
    """Encodes the parts of messages for one provider."""

    def __init__(self, read_file: ReadFile, check_url: CheckUrl, provider: str, media: frozenset[str]) -> None:
        """Create an encoder.

        Args:
            read_file: returns the content of a stored file.
            check_url: checks the host of a URL that the model's server is to fetch.
            provider: the provider's name, for errors.
            media: the kinds of content that the provider takes besides text.

        """
        self._read_file = read_file
        self._check_url = check_url
        self._provider = provider
        self._media = media

    async def encode(self, parts: Sequence[Part]) -> WireContent:
        """Return the content of a message: a string if all parts are texts, else a list.

        Raises:
            UnsupportedMediaError: the provider takes no content of this kind.
            UnreadableFileError: a file is not an image, a PDF or a text file.
            ContentError: the content cannot be sent for another reason, such as a URL that models must not fetch.
            ByteLimitError: the content takes too much memory.

        """
        wire = [await self._encode_part(part) for part in parts]
        if all(part["type"] == "text" for part in wire):
            return "\n\n".join(part["text"] for part in wire)
        return wire

    async def _encode_part(self, part: Part) -> dict[str, Any]:
        if isinstance(part, TextPart):
            return {"type": "text", "text": part.text}
        if isinstance(part, ImagePart):
            return self._image(part.url, part.detail)
        if isinstance(part, AudioPart):
            self._check("audio", "a recording")
            _hold(len(part.data))
            return {"type": "input_audio", "input_audio": {"data": part.data, "format": part.format}}
        if isinstance(part, FilePart):
            return await self._file(part)
        return await self._stored(part)

    def _image(self, url: str, detail: str = "") -> dict[str, Any]:
        if not url.startswith(_IMAGE_URLS):
            # Some model servers read files of their machine.
            raise ContentError(
                "The URL of an image must start with https:// or data:image/. Send the image as a data URL."
            )
        if not url.startswith("data:"):
            # The model's server fetches it. That server may be in the operator's network.
            try:
                self._check_url(url)
            except (HeadraceError, PermissionError) as error:
                raise ContentError(f"The model's server must not fetch this image: {error}") from error
        self._check("image", "an image")
        _hold(len(url))
        return {"type": "image_url", "image_url": {"url": url, "detail": detail} if detail else {"url": url}}

    async def _file(self, part: FilePart) -> dict[str, Any]:
        media_type, encoded = _split_data_url(part.url)
        if encoded is None:
            raise ContentError(
                f"The file {part.name!r} is a URL, which chat models do not fetch. Send its content as a data URL in base64."
            )
        if media_type.startswith("image/"):
            return self._image(part.url)
        if media_type != "application/pdf":
            return _text_file(part.name, await _decode(part.name, encoded))
        self._check("file", f"the file {part.name!r}")
        _hold(len(part.url))
        return {"type": "file", "file": {"filename": part.name, "file_data": part.url}}

    async def _stored(self, part: StoredPart) -> dict[str, Any]:
        name = part.path.rpartition("/")[2]
        try:
            content = await self._read_file(part.path)
        except NotFoundError:
            # The files of a request are checked before the run. This one is from the history and was deleted since.
            return {"type": "text", "text": f"(The file {name!r} does not exist any more.)"}
        media_type = media_type_of(name, content)
        if media_type is None:
            return _text_file(name, content)
        self._check("image" if media_type.startswith("image/") else "file", f"the file {name!r}")
        # Base64 has four characters for three bytes.
        _hold(len(content) * 4 // 3)
        encoded = await call_off_loop(len(content), base64.b64encode, content)
        url = f"data:{media_type};base64,{encoded.decode()}"
        if media_type.startswith("image/"):
            return {"type": "image_url", "image_url": {"url": url}}
        return {"type": "file", "file": {"filename": name, "file_data": url}}

    def _check(self, kind: str, name: str) -> None:
        if kind not in self._media:
            raise UnsupportedMediaError(self._provider, kind, name)


def _hold(size: int) -> None:
    """Count an attachment until the end of the run."""
    current_budget.get().hold(COPIES * size, "The attached file")


def _split_data_url(url: str) -> tuple[str, str | None]:
    """Return the media type and the base64 text of a data URL (RFC 2397), or None instead of the text for another URL."""
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return "", None
    return head.removeprefix("data:").partition(";")[0].lower(), data


async def _decode(name: str, encoded: str) -> bytes:
    try:
        return await call_off_loop(len(encoded), partial(base64.b64decode, validate=True), encoded)
    except ValueError as error:  # binascii.Error is one; text that is not ASCII raises another.
        raise ContentError(f"The content of the file {name!r} is not valid base64. Encode it again.") from error


def _text_file(name: str, content: bytes) -> dict[str, Any]:
    """Return a text file as a text part with its name."""
    if b"\0" in content:
        raise UnreadableFileError(name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFileError(name) from error
    _hold(len(content))
    return {"type": "text", "text": f"File {name}:\n\n{text}"}
