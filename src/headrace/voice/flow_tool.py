"""The flow of a voice session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.formats.openai.outcome import answer_text
from headrace.graph.events import Event, MessageEmitted
from headrace.runs.request import RunRequest
from headrace.schema.message import SENDER_USER

if TYPE_CHECKING:
    from headrace.graph.events import Emit
    from headrace.runs.flow_resolver import FlowResolver
    from headrace.runs.runner import Runner


@dataclass(frozen=True, slots=True)
class FlowAnswer:
    """The answer of a flow.

    Attributes:
        text: the text of the answer.
        stored_senders: the senders of the messages that the flow has stored.

    """

    text: str
    stored_senders: frozenset[str]

    @property
    def has_stored_input(self) -> bool:
        """Whether the flow has stored the message of the user."""
        return SENDER_USER in self.stored_senders

    @property
    def has_stored_answer(self) -> bool:
        """Whether the flow has stored its answer."""
        return bool(self.stored_senders - {SENDER_USER})


@dataclass(frozen=True, slots=True)
class FlowTool:
    """A flow of one user, which a voice session runs in a session of messages."""

    runner: Runner
    resolver: FlowResolver
    owner: UUID
    flow_id: UUID
    session_id: str
    #: The name and the description of the function for a model.
    name: str
    description: str

    async def run(self, text: str, emit: Emit | None = None) -> FlowAnswer:
        """Run the flow, in the version that is stored now, and return its answer.

        Args:
            text: the input of the flow.
            emit: receives the events of the run.

        Raises:
            HeadraceError: The flow cannot be run, or failed.

        """
        senders: set[str] = set()

        def collect(event: Event) -> object:
            if isinstance(event, MessageEmitted) and event.message.sender:
                senders.add(event.message.sender)
            return emit(event) if emit is not None else None

        flow = await self.resolver.resolve(self.owner, str(self.flow_id))
        request = RunRequest(text, session_id=self.session_id)
        result = await self.runner.run(self.owner, flow, request, collect)  # type: ignore[arg-type]
        return FlowAnswer(answer_text(result), frozenset(senders))
