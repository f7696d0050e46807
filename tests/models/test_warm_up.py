"""The warm-up imports the packages of stored flows before their first run."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("flows", "imported"),
    [
        ("['ChatInput', 'LanguageModelComponent'], ['OpenAI']", []),
        ("['Agent'], ['OpenAI']", ["langchain_core"]),
        ("['ChatInput'], custom_code=True", ["langchain_core"]),
        ("['LanguageModelComponent'], ['Anthropic']", ["langchain_anthropic", "langchain_core"]),
        ("['LanguageModelComponent'], ['No such provider']", []),
    ],
)
def test_only_the_packages_that_stored_flows_need_are_imported(flows: str, imported: list[str]) -> None:
    if "langchain_anthropic" in imported:
        pytest.importorskip("langchain_anthropic")
    code = f"""
import sys
from headrace.models.warm_up import warm_up
thread = warm_up({flows})
if thread is not None:
    thread.join()
print(*sorted({{"langchain_core", "langchain_anthropic"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == imported
