"""Importing the client does not import heavy packages."""

from __future__ import annotations

import subprocess
import sys

import pytest

CLIENT = """
import httpx2
from headrace.models.openai_chat.client import OpenAIChatClient
from headrace.models.openai_chat.endpoint import ChatOptions, Endpoint
OpenAIChatClient(httpx2.AsyncClient(), Endpoint("https://host/v1", "key"), ChatOptions("m"))
"""
MODEL = """
import httpx2
from headrace.models.openai_chat.endpoint import ChatOptions, Endpoint
from headrace.models.openai_chat.model import OpenAIChatModel
OpenAIChatModel.create(httpx2.AsyncClient(), Endpoint("https://host/v1", "key"), ChatOptions("m"))
"""


@pytest.mark.parametrize(
    ("code", "heavy_packages"),
    [
        (CLIENT, "langchain_core langsmith langchain_openai openai tiktoken requests numpy psutil"),
        (MODEL, "langchain_openai openai tiktoken numpy"),
    ],
)
def test_creating_a_model_loads_no_heavy_package(code: str, heavy_packages: str) -> None:
    check = f"import sys\nprint(*[name for name in '{heavy_packages}'.split() if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code + check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
