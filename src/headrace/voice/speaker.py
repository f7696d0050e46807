"""Speaks texts to a client: the audio of a synthesizer as events."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from headrace.voice.audio import in_events
from headrace.voice.events import AUDIO_DELTA, AUDIO_DONE, encode
from headrace.voice.sentences import split_sentences

if TYPE_CHECKING:
    from headrace.voice.outbox import Outbox
    from headrace.voice.session_settings import SessionSettings
    from headrace.voice.speech_services import Synthesizer

#: Returns the synthesizer that the settings of a session select.
SelectSynthesizer = Callable[["SessionSettings"], Awaitable["Synthesizer"]]


class Speaker:
    """Speaks in the voice that the client has selected."""

    def __init__(self, outbox: Outbox, settings: SessionSettings, select: SelectSynthesizer) -> None:
        """Create a speaker.

        Args:
            outbox: receives the audio, and slows the synthesizer down if the client does not read.
            settings: the settings of the session, which may change.
            select: returns the synthesizer for the settings.

        """
        self._outbox = outbox
        self._settings = settings
        self._select = select

    async def speak(self, text: str, response_id: str, item_id: str) -> None:
        """Send the audio of a text, and the event at its end.

        Raises:
            SpeechServiceError: The synthesizer failed.
            HeadraceError: The user has no key of the synthesizer's provider.

        """
        place = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
        synthesizer = await self._select(self._settings)
        for piece in split_sentences(text):
            async for pcm in in_events(synthesizer.speak(piece)):
                delta = base64.b64encode(pcm).decode()
                await self._outbox.put(encode(AUDIO_DELTA, **place, delta=delta), is_audio=True)
        await self._outbox.put(encode(AUDIO_DONE, **place))
