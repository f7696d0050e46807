"""What the scripts of the clients share: the server that they call, and the report that they print.

The scripts of clients with an environment of their own run without the packages of headrace: only the standard library
is imported here.
"""

from __future__ import annotations

import base64
import functools
import json
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_target = json.loads(sys.argv[1])

#: The address of the server, and an API key.
URL: str = _target["url"]
KEY: str = _target["key"]
#: The endpoint names of the flows whose answer an OpenAI component, a Language Model and an Agent write.
MODEL: str = _target["models"]["openai"]
IMAGE_MODELS: dict[str, str] = {f"image_{name}": model for name, model in _target["models"].items()}
#: The endpoint name of a flow whose agent has a tool of its own, which the server runs.
TOOL_AGENT: str = _target["tool_agent"]
#: An endpoint name that no flow has.
MISSING_MODEL = "missing-flow"
WRONG_KEY = "sk-wrong"
IMAGE_FILE = Path(_target["image"])
IMAGE_URL = f"data:image/png;base64,{base64.b64encode(IMAGE_FILE.read_bytes()).decode()}"
#: An empty folder.
FOLDER = Path(_target["folder"])

#: A message that the model server refuses, and one whose streamed answer it breaks off.
REFUSED = "break down"
BROKEN = "break off"

#: The tool of the client, and its result.
TOOL_NAME = "get_weather"
TOOL_DESCRIPTION = "Return the weather of a city."
TOOL_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = "Rain."
#: The form of the structured output.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}

Perform = Callable[[], object]


def images(perform: Callable[[str, str], object]) -> dict[str, Perform]:
    """Return the capabilities to send an image: one per component that writes the answer.

    Args:
        perform: a function that takes the name of the capability and the model to ask.

    """
    return {name: functools.partial(perform, name, model) for name, model in IMAGE_MODELS.items()}


def error_of(perform: Perform) -> dict[str, str]:
    """Return the class and the text of the exception that a request raises."""
    try:
        answer = perform()
    except Exception as error:
        return {"type": type(error).__name__, "text": str(error)}
    raise AssertionError(f"The request was answered: {answer!r}")


def report(parts: Mapping[str, Mapping[str, Perform]]) -> None:
    """Use each capability of each part of a client once, and print the results as one line of JSON.

    A result has the `value` of the capability, or the traceback of its failure as `failed`.
    """
    results = {part: {name: _result(perform) for name, perform in parts[part].items()} for part in parts}
    sys.stdout.write(f"\n{json.dumps(results)}\n")


def _result(perform: Perform) -> dict[str, object]:
    try:
        return {"value": perform()}
    except Exception:
        return {"failed": traceback.format_exc()}
