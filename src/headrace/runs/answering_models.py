"""Find the models that write a flow's answer, and the caller's options that they cannot honour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.component.file_types import IMAGE_FILE_TYPES
from headrace.graph.flow import NodeId
from headrace.models.content import AudioPart, FilePart, ImagePart, StoredPart
from headrace.models.provider import providers
from headrace.models.request_options import UnsupportedOptionError
from headrace.runs.execute_plan import answer_vertex_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.graph.plan import Plan
    from headrace.graph.vertex import Vertex
    from headrace.models.content import Part
    from headrace.models.request_options import ModelOptions
    from headrace.runs.request import RunRequest


@dataclass(frozen=True, slots=True)
class AnsweringModel:
    """A vertex whose model writes the answer, or a part of it.

    Attributes:
        provider: the name of the model's provider; empty if it is only known during the run.

    """

    vertex_id: str
    display_name: str
    provider: str = ""


def answering_models(plan: Plan, request: RunRequest) -> tuple[AnsweringModel, ...]:
    """Return the models that write the answer to a request.

    These are the first models on each path back from the vertices that answer. A model whose text only feeds another
    model is not among them.
    """
    found: dict[str, AnsweringModel] = {}
    seen: set[str] = set()
    pending = [edge for i in answer_vertex_ids(plan, request) for edge in plan.vertices[NodeId(i)].incoming]
    while pending:
        edge = pending.pop()
        source = plan.vertices[edge.source]
        use = source.component.model_use
        if use is not None and edge.output in use.outputs:
            found[source.id] = AnsweringModel(source.id, source.display_name, _provider(plan, source))
        elif source.id not in seen:
            seen.add(source.id)
            pending += source.incoming
    return tuple(found.values())


def check_model_options(plan: Plan, request: RunRequest) -> tuple[AnsweringModel, ...]:
    """Check that the flow can honour the options of a request, and return the models that they apply to.

    A model that is only known during the run is checked then; it fails with the same error.

    Raises:
        UnsupportedOptionError: it cannot; names the first of the options and the reason.

    """
    if request.model_options is None:
        return ()
    models = answering_models(plan, request)
    for option, media in _requested(request.model_options):
        if not models:
            raise UnsupportedOptionError(
                option,
                "No chat model writes the answer of this flow, so nothing in it can use this option. Omit it, or end the flow with "
                "a Language Model or an Agent that is connected to the Chat Output.",
            )
        for model in models:
            _check(model, option, media, request)
    return models


def _check(model: AnsweringModel, option: str, media: str, request: RunRequest) -> None:
    provider = providers().get(model.provider)
    if provider is None or request.tweaks:
        # Unknown before the run: a connected model, or a provider that a tweak may change.
        return
    if option not in provider.options:
        raise UnsupportedOptionError(
            option,
            f"{provider.name}, the provider of {model.display_name} in this flow, does not support this option. Omit it.",
        )
    form = request.model_options.response_format if request.model_options is not None else None
    if option == "response_format" and form is not None and form.kind not in provider.response_formats:
        raise UnsupportedOptionError(
            option,
            f"{provider.name}, the provider of {model.display_name} in this flow, does not support the response format "
            f"{form.kind!r}. Use one of: {', '.join(sorted(provider.response_formats)) or 'text'}.",
        )
    if media and media not in provider.media:
        raise UnsupportedOptionError(
            option,
            f"{provider.name}, the provider of {model.display_name} in this flow, does not take content of the kind "
            f"{media!r}. Send text only.",
        )


def _requested(options: ModelOptions) -> Iterator[tuple[str, str]]:
    """Yield the options that are set, and each kind of content with the option that holds it."""
    for option in sorted(options.requested()):
        yield option, ""
    for turn in options.turns:
        yield from (("turns", media) for part in turn.parts if (media := media_of(part)))
    yield from (("attachments", media) for part in options.attachments if (media := media_of(part)))


def media_of(part: Part) -> str:
    """Return the kind of content of a part: `image`, `file`, `audio`, or empty for text."""
    if isinstance(part, ImagePart):
        return "image"
    if isinstance(part, AudioPart):
        return "audio"
    if isinstance(part, StoredPart):
        return "image" if part.path.rpartition(".")[2].lower() in IMAGE_FILE_TYPES else ""
    return "file" if isinstance(part, FilePart) else ""


def _provider(plan: Plan, vertex: Vertex) -> str:
    """Return the name of the provider of a vertex's model, following the edge to a connected model."""
    for _ in range(len(plan.vertices)):
        use = vertex.component.model_use
        if use is None:
            return ""
        if use.provider:
            return use.provider
        edge = next((edge for edge in vertex.incoming if edge.field == use.field), None)
        if edge is None:
            value = vertex.values.get(use.field)
            return value if isinstance(value, str) else ""
        vertex = plan.vertices[edge.source]
    return ""
