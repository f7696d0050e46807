"""The size of messages, which are copied and encoded on the event loop each time they change."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from headrace.errors import ContentTooLargeError
from headrace.limits.value_size import size_of_few_parts

if TYPE_CHECKING:
    from headrace.schema.message import Message

#: Parts of the content blocks and the list of files of a message: entries of lists and dictionaries. An agent with a hundred tool
#: calls has two thousand.
MAX_MESSAGE_PARTS = 50_000


class TooManyPartsError(ContentTooLargeError):
    """A message has too many parts."""

    def __init__(self) -> None:
        super().__init__(
            f"The content blocks and files of a message have more than {MAX_MESSAGE_PARTS} parts. Return large results as Data or "
            "DataFrame."
        )


def message_size(message: Message, limit: int) -> int:
    """Return about the bytes that a message takes when it is stored or sent; see `value_size`.

    Raises:
        TooManyPartsError: it has too many parts.

    """
    if not message.content_blocks and not message.files:
        return sys.getsizeof(message.text)
    size = size_of_few_parts([message.text, message.content_blocks, message.files], limit, MAX_MESSAGE_PARTS)
    if size is None:
        raise TooManyPartsError
    return size
