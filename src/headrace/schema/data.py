"""`Data`: a record of named values with one of them marked as its text."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Data(BaseModel):
    """A record. Unknown keyword arguments become entries of `data`.

    `text_key` names the entry that stands for the whole record where a text is needed.
    """

    model_config = ConfigDict(validate_assignment=False, arbitrary_types_allowed=True)

    text_key: str = "text"
    data: dict[str, Any] = Field(default_factory=dict)
    default_value: str | None = ""

    @model_validator(mode="before")
    @classmethod
    def _gather_extras(cls, values: object) -> object:
        if not isinstance(values, dict) or values.keys() <= cls.__pydantic_fields__.keys():
            return values
        data = values.get("data", {})
        if not isinstance(data, dict):
            raise ValueError("data must be an object of named values")  # noqa: TRY004 - pydantic reports only these
        extras = {k: v for k, v in values.items() if k not in cls.__pydantic_fields__}
        known = {k: v for k, v in values.items() if k in cls.__pydantic_fields__}
        return {**known, "data": {**data, **extras}}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        data = self.__dict__.get("data", {})
        if name in data:
            return data[name]
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    def get_text(self) -> str:
        """Return the entry under `text_key` as text, or `default_value`."""
        return str(self.data.get(self.text_key, self.default_value))

    def set_text(self, text: str | None) -> str:
        """Store `text` under `text_key`; None is stored as an empty text."""
        self.data[self.text_key] = text or ""
        return self.data[self.text_key]  # type: ignore[no-any-return]

    def copy_data(self) -> Self:
        """Return a copy whose record can be changed without touching this one."""
        return self.model_copy(update={"data": dict(self.data)})
