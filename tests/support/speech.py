"""Recorded speech, from the synthesizer espeak-ng."""

from __future__ import annotations

import array
import functools
import io
import os
import shutil
import subprocess
import wave

from tests.support.missing_tool import skip
from tests.support.realtime_server import SAMPLE_RATE

REQUIRED = os.environ.get("HEADRACE_TEST_REQUIRE_ESPEAK") == "1"


@functools.cache
def speak(text: str) -> bytes:
    """Return a text as PCM16, mono, with 24,000 samples per second. Without espeak-ng, skip the test."""
    if shutil.which("espeak-ng") is None:
        skip("espeak-ng is not installed", required=REQUIRED)
    spoken = subprocess.run(["espeak-ng", "--stdout", text], capture_output=True, check=True).stdout
    with wave.open(io.BytesIO(spoken)) as recording:
        rate = recording.getframerate()
        # The header of a stream has no true length.
        samples = array.array("h", recording.readframes(recording.getnframes()))
    count = len(samples) * SAMPLE_RATE // rate
    return array.array("h", (samples[n * rate // SAMPLE_RATE] for n in range(count))).tobytes()


def wav_of(pcm: bytes) -> bytes:
    """Return PCM16 as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(SAMPLE_RATE)
        recording.writeframes(pcm)
    return file.getvalue()
