"""`ModelUse`: how a component answers with a chat model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelUse:
    """Declares that a chat model writes the text of a component's outputs, with the options of the run's caller.

    Attributes:
        outputs: the names of the outputs.
        provider: the name of the model's provider, if it is always the same.
        field: the field with the name of the provider, or with a connected model.

    """

    outputs: tuple[str, ...]
    provider: str = ""
    field: str = ""
