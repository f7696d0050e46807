"""Build the messages that a component sends to its model: instructions, history, and the current message with its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from headrace.component.component_run import run_of
from headrace.models.chat_model import assistant_message, system_message, tool_message, user_message
from headrace.models.content import StoredPart, TextPart, Turn
from headrace.models.model_request import model_request_of
from headrace.models.request_options import ALL_MEDIA
from headrace.schema import Message
from headrace.schema.message import SENDER_AI, files_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.component import Component
    from headrace.models.attachments import ContentEncoder, WireContent
    from headrace.models.chat_model import ChatMessage
    from headrace.models.content import Part
    from headrace.models.provider import Provider
    from headrace.models.request_options import ModelOptions


class HistoryEntry(NamedTuple):
    """An earlier message of a session."""

    text: str
    sender: str | None
    #: The paths of its files.
    files: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """The texts of a component, from which the messages to its model are built.

    Attributes:
        text: the current message.
        files: the paths of its files.
        system: the instructions; empty for none.
        history: the earlier messages, oldest first.

    """

    text: str
    files: Sequence[str] = ()
    system: str = ""
    history: Sequence[HistoryEntry] = ()

    def is_empty(self, vertex_id: str) -> bool:
        """Return whether the component and the run's caller send nothing."""
        if self.text or self.files:
            return False
        request = model_request_of(vertex_id)
        return request is None or not (request.options.attachments or request.options.turns)

    async def messages(self, component: Component, provider: Provider | None = None) -> list[ChatMessage]:
        """Return the messages, with those of the run's caller if they apply to the component.

        Args:
            component: the component that sends them; its run reads the files.
            provider: the provider of the model; None if it is unknown.

        Raises:
            ModelError: the provider cannot take a file.
            ByteLimitError: the messages take too much memory.

        """
        run = run_of(component)
        request = model_request_of(run.vertex_id)
        if request is None and not self.files and not any(entry.files for entry in self.history):
            system = [system_message(self.system)] if self.system else []
            return [*system, *(_plain(entry) for entry in self.history), user_message(self.text)]
        from headrace.models.attachments import ContentEncoder

        name, media = ("of the model", ALL_MEDIA) if provider is None else (provider.name, provider.media)
        encoder = ContentEncoder(run.context.read_file, run.context.egress.check, name, media)
        return await self._encode(encoder, request.options if request is not None else None)

    async def _encode(self, encoder: ContentEncoder, options: ModelOptions | None) -> list[ChatMessage]:
        system = self.system
        messages: list[ChatMessage] = []
        if options is not None and options.instructions:
            system = f"{system}\n\n{options.instructions}" if system else options.instructions
        if system:
            messages.append(system_message(system))
        if options is not None and options.turns:
            messages += [await _turn(turn, encoder) for turn in options.turns]
        else:
            messages += [await _entry(entry, encoder) for entry in self.history]
        if options is not None and options.continues_turns:
            return messages
        parts: list[Part] = [TextPart(self.text)] if self.text else []
        parts += [StoredPart(path) for path in self.files]
        if options is not None:
            parts += options.attachments
        if parts:
            messages.append(_with_content(await encoder.encode(parts)))
        return messages


def conversation_of(component: Component, question: object, system: object) -> Conversation:
    """Return the conversation of a component that has no history of its own.

    A prompt with the history may be connected to the field for instructions; the files of its messages are sent with the
    question.

    Args:
        component: the component.
        question: the value of its input.
        system: the value of its field `system_message`.

    """
    text, files = question_of(question)
    if earlier := files_of([run_of(component).values.get("system_message")]):
        files = list(dict.fromkeys([*earlier, *files]))
    return Conversation(text, files, str(system or ""))


def question_of(value: object) -> tuple[str, Sequence[str]]:
    """Return the text and the files of a component's input."""
    return (value.text, value.files) if isinstance(value, Message) else (str(value or ""), ())


def history_entry(message: Message) -> HistoryEntry:
    """Return a stored message as an entry of a history."""
    return HistoryEntry(message.text, message.sender, message.files)


def _plain(entry: HistoryEntry) -> ChatMessage:
    return assistant_message(entry.text) if entry.sender == SENDER_AI else user_message(entry.text)


async def _entry(entry: HistoryEntry, encoder: ContentEncoder) -> ChatMessage:
    """Return an earlier message with its files."""
    if entry.sender == SENDER_AI or not entry.files:
        return _plain(entry)
    parts: list[Part] = [TextPart(entry.text)] if entry.text else []
    parts += [StoredPart(path) for path in entry.files]
    return _with_content(await encoder.encode(parts))


async def _turn(turn: Turn, encoder: ContentEncoder) -> ChatMessage:
    """Return a message of the caller in the format of OpenAI's protocol."""
    if turn.role == "user":
        return _with_content(await encoder.encode(turn.parts))
    text = "".join(part.text for part in turn.parts if isinstance(part, TextPart))
    if turn.role == "tool":
        return tool_message(text, turn.tool_call_id)
    if turn.role == "system":
        return system_message(text)
    message = assistant_message(text)
    if turn.tool_calls:
        message["content"] = text or None
        message["tool_calls"] = [call.to_wire() for call in turn.tool_calls]
    return message


def _with_content(content: WireContent) -> ChatMessage:
    return {"role": "user", "content": content}
