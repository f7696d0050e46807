"""The spectrogram that Whisper models take, and the text of their tokens.

Sources: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision" (2022), section 2.2: 80 mel channels, windows
of 25 ms with a step of 10 ms; Slaney, "Auditory Toolbox" (1998), for the mel scale; GPT-2's byte-level tokens.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from headrace.voice.audio import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

#: Samples per second of the models.
MODEL_RATE = 16_000
#: Seconds of audio that a model takes at a time.
WINDOW_SECONDS = 30
_CHANNELS = 80
_FFT_SAMPLES = 400
_STEP_SAMPLES = 160
#: The mel scale is linear below 1,000 Hz and logarithmic above.
_LINEAR_HERTZ = 200 / 3
_BREAK_HERTZ = 1000.0
_BREAK_MEL = _BREAK_HERTZ / _LINEAR_HERTZ
_LOG_STEP = 0.068751777420949


def spectrogram(pcm: bytes) -> NDArray[numpy.float32]:
    """Return the features of at most 30 seconds of PCM16 with 24,000 samples per second, as an array of 80 by 3,000."""
    import numpy

    samples = numpy.frombuffer(pcm, dtype="<i2").astype(numpy.float32) / 32768
    count = min(len(samples) * MODEL_RATE // SAMPLE_RATE, WINDOW_SECONDS * MODEL_RATE)
    resampled = numpy.interp(numpy.arange(count) * (SAMPLE_RATE / MODEL_RATE), numpy.arange(len(samples)), samples)
    padded = numpy.pad(resampled, (0, WINDOW_SECONDS * MODEL_RATE - count))
    padded = numpy.pad(padded, _FFT_SAMPLES // 2, mode="reflect")
    frames = numpy.lib.stride_tricks.sliding_window_view(padded, _FFT_SAMPLES)[::_STEP_SAMPLES][:-1]
    window = numpy.hanning(_FFT_SAMPLES + 1)[:-1]
    power = numpy.abs(numpy.fft.rfft(frames * window)) ** 2
    logarithms = numpy.log10(numpy.maximum(_mel_filters() @ power.T, 1e-10))
    features: NDArray[numpy.float32] = ((numpy.maximum(logarithms, logarithms.max() - 8) + 4) / 4).astype(numpy.float32)
    return features


@functools.cache
def _mel_filters() -> NDArray[numpy.float64]:
    """Return triangular filters of equal area, one row per channel."""
    import numpy

    bins = numpy.linspace(0, MODEL_RATE / 2, _FFT_SAMPLES // 2 + 1)
    mels = numpy.linspace(0, _BREAK_MEL + numpy.log(MODEL_RATE / 2 / _BREAK_HERTZ) / _LOG_STEP, _CHANNELS + 2)
    centres = numpy.where(
        mels < _BREAK_MEL, mels * _LINEAR_HERTZ, _BREAK_HERTZ * numpy.exp(_LOG_STEP * (mels - _BREAK_MEL))
    )
    widths = numpy.diff(centres)
    slopes = centres[:, None] - bins[None, :]
    rising, falling = -slopes[:-2] / widths[:-1, None], slopes[2:] / widths[1:, None]
    triangles = numpy.maximum(0, numpy.minimum(rising, falling))
    filters: NDArray[numpy.float64] = triangles * (2 / (centres[2:] - centres[:-2]))[:, None]
    return filters


@functools.cache
def _token_bytes() -> dict[str, int]:
    """Return the byte that each character of a token represents."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


def text_of_tokens(tokens: list[str]) -> str:
    """Return the text of byte-level tokens, without the special ones.

    >>> text_of_tokens(["Hello", "Ġworld", "<|endoftext|>"])
    'Hello world'
    """
    table = _token_bytes()
    characters = "".join(token for token in tokens if not (token.startswith("<|") and token.endswith("|>")))
    return bytes(table[character] for character in characters if character in table).decode(errors="replace").strip()
