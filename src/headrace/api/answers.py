"""Answers that only say what was done."""

from pydantic import BaseModel


class Note(BaseModel):
    """A word of what was done."""

    message: str


class Detail(BaseModel):
    """What was done."""

    detail: str
