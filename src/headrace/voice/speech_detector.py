"""Detects when a user speaks, by the loudness of the audio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headrace.voice.audio import BYTES_PER_SECOND, mean_amplitude

FRAME_MILLISECONDS = 20
FRAME_BYTES = BYTES_PER_SECOND * FRAME_MILLISECONDS // 1000
#: The mean amplitude at a threshold of 1; speech near a microphone has about 1,000 to 5,000.
FULL_THRESHOLD_AMPLITUDE = 1000.0
#: Loud frames that start speech, so that a click does not.
MIN_SPEECH_FRAMES = 3


@dataclass(frozen=True, slots=True)
class DetectionOptions:
    """When speech starts and ends.

    Attributes:
        threshold: the loudness of speech, from 0 to 1.
        silence_milliseconds: the silence that ends speech.
        prefix_milliseconds: the audio before the start that belongs to the speech.

    """

    threshold: float = 0.5
    silence_milliseconds: int = 500
    prefix_milliseconds: int = 300


class SpeechDetector:
    """Follows one stream of audio."""

    def __init__(self, options: DetectionOptions) -> None:
        self.options = options
        self._rest = b""
        self._loud_frames = 0
        self._silent_frames = 0
        self.is_speaking = False

    def feed(self, pcm: bytes) -> list[Literal["started", "stopped"]]:
        """Return the starts and ends of speech in the next piece of audio."""
        changes: list[Literal["started", "stopped"]] = []
        self._rest += pcm
        whole = len(self._rest) // FRAME_BYTES * FRAME_BYTES
        for start in range(0, whole, FRAME_BYTES):
            is_loud = mean_amplitude(self._rest[start : start + FRAME_BYTES]) >= (
                self.options.threshold * FULL_THRESHOLD_AMPLITUDE
            )
            self._loud_frames = self._loud_frames + 1 if is_loud else 0
            self._silent_frames = 0 if is_loud else self._silent_frames + 1
            if not self.is_speaking and self._loud_frames >= MIN_SPEECH_FRAMES:
                self.is_speaking = True
                changes.append("started")
            elif self.is_speaking and self._silent_frames * FRAME_MILLISECONDS >= self.options.silence_milliseconds:
                self.is_speaking = False
                changes.append("stopped")
        self._rest = self._rest[whole:]
        return changes
