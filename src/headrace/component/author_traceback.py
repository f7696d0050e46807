"""The traceback of an exception as the author of a component sees it: the lines of component code only.

Frames of the server and of libraries are left out, because they contain paths of the server. Source lines contain no values of
a run.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from types import FrameType

from headrace.errors import HeadraceError

#: The global variable of a module of component code that holds its source.
SOURCE_VARIABLE = "__component_source__"
#: The file name in a traceback. The path of a file is not shown.
COMPONENT_FILE = "<component>"

#: Frames of one exception: the first ones are left out. A recursion has a thousand.
MAX_FRAMES = 20
#: Exceptions in a chain, and characters of a line and of the text of an exception.
MAX_EXCEPTIONS = 5
MAX_LINE_CHARACTERS = 200
MAX_MESSAGE_CHARACTERS = 1000

_CAUSE = "The exception above was the direct cause of the following exception:"
_CONTEXT = "During handling of the exception above, another exception occurred:"


@dataclass(frozen=True, slots=True)
class CodeFrame:
    """A place in component code.

    Attributes:
        line: the number of the line.
        function: the name of the function.
        source: the text of the line; empty if it is unknown.

    """

    line: int
    function: str
    source: str

    def __str__(self) -> str:
        place = f'  File "{COMPONENT_FILE}", line {self.line}, in {self.function}'
        return f"{place}\n    {self.source}" if self.source else place


class RemoteCodeError(HeadraceError):
    """Component code failed in another process.

    Attributes:
        kind: the name of the exception's class in the other process.
        author_traceback: the traceback as its author sees it, or None; see `author_traceback`.
        frames: the places in component code; see `author_frames`.

    """

    def __init__(
        self, message: str, kind: str, author_traceback: str | None = None, frames: Sequence[CodeFrame] = ()
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.author_traceback = author_traceback
        self.frames = frames


def author_traceback(error: BaseException) -> str | None:
    """Return the part of a traceback that is in component code, in Python's format, or None if there is none."""
    chain = list(islice(_chain(error), MAX_EXCEPTIONS))
    remote = next((exception for exception, _ in chain if isinstance(exception, RemoteCodeError)), None)
    if remote is not None:
        return remote.author_traceback
    parts: list[str] = []
    for exception, connection in reversed(chain):
        frames = _frames(exception)
        if frames or (parts and exception is error):
            parts.append("\n".join(["Traceback (most recent call last):", *map(str, frames), _last_line(exception)]))
            if connection:
                parts.append(connection)
    return "\n\n".join(parts) or None


def author_frames(error: BaseException) -> list[CodeFrame]:
    """Return the places in component code in a traceback, innermost last, those of the exceptions that led to it first."""
    chain = [exception for exception, _ in islice(_chain(error), MAX_EXCEPTIONS)]
    return [frame for exception in reversed(chain) for frame in _frames(exception)]


def exception_text(error: BaseException) -> str:
    """Return the text of an exception for people: that of `sys.exit` names the call."""
    if isinstance(error, SystemExit):
        argument = "" if error.code is None else repr(error.code)
        return f"The component called sys.exit({argument[:MAX_LINE_CHARACTERS]})."
    return str(error) or type(error).__name__


def _chain(error: BaseException) -> Iterator[tuple[BaseException, str]]:
    """Yield an exception and those that led to it, each with the sentence that connects it to the following exception."""
    connection = ""
    current: BaseException | None = error
    while current is not None:
        yield current, connection
        connection = _CAUSE if current.__cause__ is not None else _CONTEXT
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _frames(error: BaseException) -> list[CodeFrame]:
    if isinstance(error, RemoteCodeError):
        return list(error.frames)
    frames = [
        (frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if SOURCE_VARIABLE in frame.f_globals
    ]
    return [_code_frame(frame, line) for frame, line in frames[-MAX_FRAMES:]]


def _code_frame(frame: FrameType, number: int) -> CodeFrame:
    # A source may have a million lines; frames are few.
    lines = str(frame.f_globals[SOURCE_VARIABLE]).split("\n")
    source = lines[number - 1].strip()[:MAX_LINE_CHARACTERS] if 0 < number <= len(lines) else ""
    return CodeFrame(number, frame.f_code.co_name, source)


def _last_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {exception_text(error)[:MAX_MESSAGE_CHARACTERS]}"
