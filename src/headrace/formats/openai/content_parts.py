"""The parts of messages in OpenAI requests: texts, images, files and recordings."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from headrace.formats.openai.errors import ParameterError, UnsupportedParameterError
from headrace.models.content import AudioPart, FilePart, ImagePart, Part, StoredPart, TextPart

#: The id of a file to the path by which flows refer to it.
FilePaths = Mapping[str, str]


#: A value that OpenAI's SDKs read from the text of an answer, and send again with it. The text counts.
ParsedText = Annotated[Any, Field(exclude=True)]


class WireModel(BaseModel):
    """A part of a request. Fields with null count as missing; unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: field for name, field in value.items() if field is not None}
        return value


class ImageUrl(WireModel):
    """The URL of an image in a chat message."""

    url: str
    detail: str = ""


class AudioData(WireModel):
    """A recording."""

    data: str
    format: str


class FileContent(WireModel):
    """A file in a chat message: an uploaded one, or its bytes."""

    file_id: str | None = None
    file_data: str | None = None
    filename: str | None = None


class ContentPart(WireModel):
    """A part of a message's content; its `type` tells which of the other fields it has."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: ImageUrl | str | None = None
    detail: str = ""
    input_audio: AudioData | None = None
    file: FileContent | None = None
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    #: Of an earlier answer that the client sends again.
    annotations: Any = None
    logprobs: Any = None
    parsed: ParsedText = None

    def file_ids(self) -> Iterator[str]:
        """Yield the ids of uploaded files."""
        for file_id in (self.file_id, self.file.file_id if self.file else None):
            if file_id is not None:
                yield file_id


def to_part(part: ContentPart, paths: FilePaths, parameter: str) -> Part:
    """Return a part of a message.

    Args:
        part: the part in the request.
        paths: the paths of the uploaded files of the request.
        parameter: the name of the part, for errors: `messages[0].content[1]`.

    Raises:
        ParameterError: The part lacks its content.
        UnsupportedParameterError: The part is of another type, or an uploaded file that is not in `paths`.

    """
    match part.type:
        case "text" | "input_text" | "output_text":
            return TextPart(_required(part.text, f"{parameter}.text"))
        case "refusal":
            return TextPart(_required(part.refusal, f"{parameter}.refusal"))
        case "image_url" | "input_image":
            return _image(part, paths, parameter)
        case "input_audio":
            audio = part.input_audio
            if audio is None:
                raise _missing(f"{parameter}.input_audio")
            return AudioPart(audio.data, audio.format)
        case "file":
            content = part.file or FileContent()
            return _file(content.file_id, content.file_data, None, content.filename, paths, f"{parameter}.file")
        case "input_file":
            return _file(part.file_id, part.file_data, part.file_url, part.filename, paths, parameter)
        case _:
            raise UnsupportedParameterError(f"{parameter}.type", f"Content of the type {part.type!r} is not supported.")


def to_parts(content: str | Sequence[ContentPart] | None, paths: FilePaths, parameter: str) -> tuple[Part, ...]:
    """Return the parts of a message's content."""
    if content is None:
        return ()
    if isinstance(content, str):
        return (TextPart(content),) if content else ()
    return tuple(to_part(part, paths, f"{parameter}[{n}]") for n, part in enumerate(content))


def to_text(content: str | Sequence[ContentPart] | None, parameter: str) -> str:
    """Return the text of a message that consists of text.

    Raises:
        UnsupportedParameterError: It has an image, a file or a recording.

    """
    texts: list[str] = []
    for n, part in enumerate(to_parts(content, {}, parameter)):
        if not isinstance(part, TextPart):
            raise UnsupportedParameterError(f"{parameter}[{n}].type", "Messages of this role consist of text.")
        texts.append(part.text)
    return "\n".join(texts)


def _image(part: ContentPart, paths: FilePaths, parameter: str) -> Part:
    if part.file_id is not None:
        return _stored_part(part.file_id, paths, f"{parameter}.file_id")
    image = part.image_url
    url, detail = (image.url, image.detail) if isinstance(image, ImageUrl) else (image, part.detail)
    if url is None:
        raise _missing(f"{parameter}.image_url")
    if not url.startswith(("https://", "data:image/")):
        raise ParameterError(
            f"{parameter}.image_url", f"'{parameter}.image_url' must start with https:// or data:image/."
        )
    return ImagePart(url, detail)


def _file(
    file_id: str | None, data: str | None, url: str | None, name: str | None, paths: FilePaths, parameter: str
) -> Part:
    if file_id is not None:
        return _stored_part(file_id, paths, f"{parameter}.file_id")
    if url is not None:
        raise UnsupportedParameterError(
            f"{parameter}.file_url",
            "Chat models do not fetch files. Send the content in 'file_data', or upload the file.",
        )
    if data is None:
        raise _missing(f"{parameter}.file_data")
    if not data.startswith("data:"):
        media_type = mimetypes.guess_type(name or "")[0] or "application/octet-stream"
        data = f"data:{media_type};base64,{data}"
    return FilePart(name or "file", data)


def _stored_part(file_id: str, paths: FilePaths, parameter: str) -> StoredPart:
    path = paths.get(file_id)
    if path is None:
        # The files of user messages are looked up before; other messages get no paths.
        raise UnsupportedParameterError(parameter, "Send files in messages of the user.")
    return StoredPart(path)


def _required(value: str | None, parameter: str) -> str:
    if value is None:
        raise _missing(parameter)
    return value


def _missing(parameter: str) -> ParameterError:
    return ParameterError(parameter, f"Missing required parameter: '{parameter}'.", "missing_required_parameter")
