"""The types of values that edges carry: `Message`, `Data`, `DataFrame`."""

from headrace.schema.data import Data
from headrace.schema.message import Message

__all__ = ["Data", "Message"]
