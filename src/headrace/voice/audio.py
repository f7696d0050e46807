"""Audio of voice sessions: PCM16, mono, little endian, 24,000 samples per second."""

from __future__ import annotations

import array
import io
import sys
import wave
from collections.abc import AsyncIterator

SAMPLE_RATE = 24_000
SAMPLE_BYTES = 2
BYTES_PER_SECOND = SAMPLE_RATE * SAMPLE_BYTES
#: The size of the audio in one event: a fifth of a second.
EVENT_BYTES = BYTES_PER_SECOND // 5


def to_wav(pcm: bytes) -> bytes:
    """Return audio as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(SAMPLE_BYTES)
        recording.setframerate(SAMPLE_RATE)
        recording.writeframes(pcm)
    return file.getvalue()


def mean_amplitude(pcm: bytes) -> float:
    """Return the mean of the absolute values of samples, from 0 to 32,768."""
    samples = array.array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return sum(map(abs, samples)) / len(samples) if samples else 0.0


async def in_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield audio in pieces of complete samples, as large as an event. The first piece is not delayed."""
    rest = b""
    async for chunk in chunks:
        rest += chunk
        while len(rest) >= SAMPLE_BYTES:
            size = min(len(rest), EVENT_BYTES) & ~1
            yield rest[:size]
            rest = rest[size:]
