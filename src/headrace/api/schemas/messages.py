"""Response bodies that contain only a confirmation."""

from pydantic import BaseModel


class MessageResponse(BaseModel):
    """A confirmation in `message`."""

    message: str


class DetailResponse(BaseModel):
    """A confirmation in `detail`."""

    detail: str
