"""The input classes. Each describes one field of a component and generates its node JSON."""

from headrace.component.inputs.choice import DropdownInput, MultiselectInput, SortableListInput, TabInput
from headrace.component.inputs.field import Input, ListableInput, RangeSpec
from headrace.component.inputs.handle import DataFrameInput, DataInput, HandleInput
from headrace.component.inputs.number import BoolInput, FloatInput, IntInput, SliderInput
from headrace.component.inputs.structured import DictInput, FileInput, McpInput, NestedDictInput, TableInput
from headrace.component.inputs.text import (
    CodeInput,
    DefaultPromptField,
    MessageInput,
    MessageTextInput,
    MultilineInput,
    MultilineSecretInput,
    PromptInput,
    QueryInput,
    SecretStrInput,
    StrInput,
)

__all__ = [
    "BoolInput",
    "CodeInput",
    "DataFrameInput",
    "DataInput",
    "DefaultPromptField",
    "DictInput",
    "DropdownInput",
    "FileInput",
    "FloatInput",
    "HandleInput",
    "Input",
    "IntInput",
    "ListableInput",
    "McpInput",
    "MessageInput",
    "MessageTextInput",
    "MultilineInput",
    "MultilineSecretInput",
    "MultiselectInput",
    "NestedDictInput",
    "PromptInput",
    "QueryInput",
    "RangeSpec",
    "SecretStrInput",
    "SliderInput",
    "SortableListInput",
    "StrInput",
    "TabInput",
    "TableInput",
]
