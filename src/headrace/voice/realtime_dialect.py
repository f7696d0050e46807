"""The two versions of the Realtime API: the events of clients have the names of the beta, those of a server depend on it.

Sources: the API reference of OpenAI's Realtime API, and its list of changes from the beta to the general availability (GA).
"""

from __future__ import annotations

from typing import Any, Literal

Protocol = Literal["ga", "beta"]

#: Events of a GA server by their names in the beta.
_BETA_NAMES = {
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "conversation.item.added": "conversation.item.created",
}
_BETA_PARTS = {"output_audio": "audio", "output_text": "text"}
_GA_FORMATS = {
    "pcm16": {"type": "audio/pcm", "rate": 24_000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
#: The place of each option of a session of the beta in a GA session.
_GA_PATHS = {
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
    "output_audio_format": ("audio", "output", "format"),
    "input_audio_format": ("audio", "input", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
    "modalities": ("output_modalities",),
    "max_response_output_tokens": ("max_output_tokens",),
}
#: Options that a GA server rejects.
_BETA_ONLY = frozenset({"temperature"})


def to_beta_event(event: dict[str, Any]) -> bool:
    """Give a server's event the names of the beta, and return whether it has changed."""
    beta_name = _BETA_NAMES.get(event["type"])
    if beta_name is not None:
        event["type"] = beta_name
    items = [event.get("item"), *_list_of(event.get("response"), "output")]
    parts = [event.get("part"), *(part for item in items for part in _list_of(item, "content"))]
    changed = beta_name is not None
    for part in parts:
        if isinstance(part, dict) and part.get("type") in _BETA_PARTS:
            part["type"] = _BETA_PARTS[part["type"]]
            changed = True
    return changed


def _list_of(value: object, name: str) -> list[Any]:
    values = value.get(name) if isinstance(value, dict) else None
    return values if isinstance(values, list) else []


def session_options(options: dict[str, Any], protocol: Protocol) -> dict[str, Any]:
    """Return the options of a session or a response for a server. Options with the names of the GA version stay as they are."""
    if protocol == "beta":
        return options
    session: dict[str, Any] = {key: value for key, value in options.items() if key not in _GA_PATHS}
    for name in _BETA_ONLY:
        session.pop(name, None)
    for name, path in _GA_PATHS.items():
        if name in options:
            _set(session, path, _ga_value(name, options[name]))
    return session


def _ga_value(name: str, value: Any) -> Any:
    if name.endswith("_audio_format") and isinstance(value, str):
        return _GA_FORMATS.get(value, value)
    if name == "modalities" and isinstance(value, list):
        # A GA server accepts one of the two, and always transcribes its audio.
        return ["audio"] if "audio" in value else ["text"]
    return value


def _set(target: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *parents, last = path
    for name in parents:
        child = target.get(name)
        # A copy, because the options may belong to the event of a client.
        child = dict(child) if isinstance(child, dict) else {}
        target[name] = child
        target = child
    target[last] = value


def client_item(item: dict[str, Any], protocol: Protocol) -> dict[str, Any]:
    """Return an item of a client for a server, which expects other names for the answers of the assistant in the GA version."""
    if protocol == "beta" or item.get("role") != "assistant" or not isinstance(item.get("content"), list):
        return item
    names = {beta: ga for ga, beta in _BETA_PARTS.items()}
    parts = [
        {**part, "type": names.get(str(part.get("type")), part.get("type"))} if isinstance(part, dict) else part
        for part in item["content"]
    ]
    return {**item, "content": parts}
