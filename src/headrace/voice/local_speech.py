"""The speech services on this machine, which need the extra `voice-local` and espeak-ng."""

from __future__ import annotations

from headrace.errors import UnavailableError
from headrace.voice.local_recognizer import LocalRecognizer, is_recognizer_installed
from headrace.voice.local_synthesizer import LocalSynthesizer, is_synthesizer_installed


class LocalSpeechMissingError(UnavailableError):
    """The speech services on this machine are selected, but not installed."""

    def __init__(self) -> None:
        super().__init__(
            "The local speech services are not installed. Install the extra with `pip install 'headrace[voice-local]'` and the "
            "program espeak-ng, or set HEADRACE_VOICE_SPEECH_SERVICES=openai."
        )


class LocalSpeech:
    """A recognizer and a synthesizer."""

    def __init__(self) -> None:
        self.recognizer = LocalRecognizer()
        self.synthesizer = LocalSynthesizer()

    @staticmethod
    def is_installed() -> bool:
        """Return whether both can be used."""
        return is_recognizer_installed() and is_synthesizer_installed()

    def close(self) -> None:
        """Release their threads."""
        self.recognizer.close()
        self.synthesizer.close()
