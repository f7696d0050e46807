"""Log failed runs: the kind of the error and the lines of code that raised it, without texts of users.

Messages of components often quote the values that caused them, so they appear only at the level `debug`. Messages of other
errors of the server, such as those of model providers, are logged without the texts of the request.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any

from headrace.component.author_traceback import SOURCE_VARIABLE, RemoteCodeError
from headrace.component.component import ComponentError
from headrace.errors import HeadraceError
from headrace.graph.errors import RunError
from headrace.graph.secret_text import remove_secrets
from headrace.models.content import AudioPart, FilePart, ImagePart, StoredPart, TextPart
from headrace.models.request_options import NamedTool

if TYPE_CHECKING:
    from uuid import UUID

    from headrace.models.content import Part
    from headrace.models.request_options import ModelOptions
    from headrace.runs.request import RunRequest

log = logging.getLogger(__name__)

#: The errors of a chain that are logged.
MAX_CAUSES = 3
#: The innermost lines of code that are logged of each error, and the characters of a line.
MAX_FRAMES = 10
MAX_LINE_CHARACTERS = 200
#: Characters of the message of the server's own errors that are logged.
MAX_MESSAGE_CHARACTERS = 500
#: Texts of the request that are removed, and the length of the shortest. A shorter one occurs in any message.
MAX_REMOVED_TEXTS = 1000
MIN_REMOVED_CHARACTERS = 4
#: Characters by which a text is found, and of a text that are compared.
BEGINNING_CHARACTERS = 40
MAX_COMPARED_CHARACTERS = 1000
REMOVED_TEXT = "[input]"


def log_failure(error: Exception, flow_id: UUID, request: RunRequest) -> None:
    """Write a line, and the lines of a component's code, for a failed run.

    Args:
        error: the failure.
        flow_id: the flow.
        request: the request, whose texts are removed from messages, which may quote them.

    """
    if isinstance(error, RunError):
        causes = "".join(_describe_causes(error.__cause__ or error, request))
        log.warning("Run of flow %s failed in %s: %s", flow_id, error.vertex_id, causes)
        log.debug("Message of the error in %s: %s", error.vertex_id, error.cause)
    elif not isinstance(error, HeadraceError) or error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # The others are errors of the request, which its response explains.
        log.warning("Run of flow %s failed: %s", flow_id, type(error).__name__)
        log.debug("Message of the error: %s", error)


def _describe(error: BaseException, request: RunRequest) -> str:
    """Return the kind of an error. The status of `sys.exit` is a number of the code, not a text of a user."""
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) or error.code is None else "…"
        return f"the component called sys.exit({'' if status is None else status})"
    if isinstance(error, RemoteCodeError):
        # Another process can send any text.
        return error.kind if error.kind.isidentifier() else type(error).__name__
    if isinstance(error, HeadraceError) and not isinstance(error, ComponentError):
        # A text may begin before the cut.
        start = error.message[: MAX_MESSAGE_CHARACTERS + BEGINNING_CHARACTERS]
        return f"{type(error).__name__}: {_without_texts(start, request)[:MAX_MESSAGE_CHARACTERS]}"
    return type(error).__name__


def _describe_causes(error: BaseException, request: RunRequest) -> Iterator[str]:
    """Yield the kind of an error and where it was raised, and then those of the errors that caused it."""
    cause: BaseException | None = error
    for number in range(MAX_CAUSES):
        if cause is None:
            return
        described = _describe(cause, request)
        yield f"\n  caused by {described}" if number else described
        yield from _frames(cause)
        cause = cause.__cause__


def _frames(error: BaseException) -> Iterator[str]:
    """Yield the places in code that raised an error, innermost last, without those of headrace's engine."""
    if isinstance(error, RemoteCodeError):
        yield from (f"\n{remove_secrets(str(frame))}" for frame in error.frames[-MAX_FRAMES:])
        return
    frames = list(traceback.walk_tb(error.__traceback__))
    frames = [(frame, line) for frame, line in frames if "/headrace/graph/" not in frame.f_code.co_filename]
    for frame, number in frames[-MAX_FRAMES:]:
        yield f'\n  File "{frame.f_code.co_filename}", line {number}, in {frame.f_code.co_name}'
        lines = str(frame.f_globals.get(SOURCE_VARIABLE, "")).split("\n")
        if 0 < number <= len(lines):
            # Authors write keys into their code, although they should not.
            yield f"\n    {remove_secrets(lines[number - 1].strip())[:MAX_LINE_CHARACTERS]}"


def _without_texts(message: str, request: RunRequest) -> str:
    texts = {text[:MAX_COMPARED_CHARACTERS] for text in islice(_texts(request), MAX_REMOVED_TEXTS)}
    # A text may contain a shorter one.
    for text in sorted(texts, key=len, reverse=True):
        if len(text) >= MIN_REMOVED_CHARACTERS:
            for form in {text, repr(text)[1:-1]}:
                message = _without_text(message, form)
    return remove_secrets(message)


def _without_text(message: str, text: str) -> str:
    """Return a message without a text, also where the message ends in the middle of it."""
    beginning = text[:BEGINNING_CHARACTERS]
    parts: list[str] = []
    start = 0
    while (found := message.find(beginning, start)) >= 0:
        end = found + len(beginning)
        while end < len(message) and end - found < len(text) and message[end] == text[end - found]:
            end += 1
        parts += [message[start:found], REMOVED_TEXT]
        start = end
    return "".join([*parts, message[start:]])


def _texts(request: RunRequest) -> Iterator[str]:
    if request.input_value is not None:
        yield request.input_value
    yield from request.variables.values()
    yield from (path.rpartition("/")[2] for path in request.files)
    yield from _texts_in(request.tweaks)
    if request.model_options is not None:
        yield from _texts_of_options(request.model_options)


def _texts_of_options(options: ModelOptions) -> Iterator[str]:
    """Yield the texts of the caller's options. The number is limited, so the latest turns come first."""
    yield options.instructions
    yield from options.stop
    for part in options.attachments:
        yield from _texts_of_part(part)
    for tool in options.tools:
        yield from (tool.name, tool.description)
        yield from _texts_in(tool.parameters)
    if options.response_format is not None:
        yield from (options.response_format.name, options.response_format.description)
        yield from _texts_in(options.response_format.schema)
    if isinstance(options.tool_choice, NamedTool):
        yield options.tool_choice.name
    for turn in reversed(options.turns):
        yield turn.tool_call_id
        for part in turn.parts:
            yield from _texts_of_part(part)
        for call in turn.tool_calls:
            yield from (call.id, call.name, call.arguments)


def _texts_of_part(part: Part) -> Iterator[str]:
    match part:
        case TextPart():
            yield part.text
        case ImagePart():
            yield part.url
        case FilePart():
            yield from (part.name, part.url)
        case AudioPart():
            yield from (part.data, part.format)
        case StoredPart():
            # Errors name a file without its folder.
            yield part.path.rpartition("/")[2]


def _texts_in(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
