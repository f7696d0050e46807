"""The command `llm`, with flows in its file of OpenAI-compatible models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.clients.scripts.support import (
    BROKEN,
    FOLDER,
    IMAGE_FILE,
    IMAGE_MODELS,
    KEY,
    MISSING_MODEL,
    MODEL,
    REFUSED,
    SCHEMA,
    TOOL_AGENT,
    URL,
    WEATHER,
    WRONG_KEY,
    Perform,
    images,
    report,
)

#: The models of the command, for `MODEL` and `URL`.
MODEL_FILE = Path(__file__).with_name("extra-openai-models.yaml").read_text(encoding="utf-8")
#: `llm --functions` takes the source of tools.
FUNCTIONS = f'''
def get_weather(city: str) -> str:
    "Return the weather of a city."
    return "{WEATHER}"
'''
COMMAND = Path(sys.executable).with_name("llm")


def llm(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command. Its own folder contains the models, the keys and the log of conversations."""
    environment = {**os.environ, "LLM_USER_PATH": str(FOLDER)}
    done = subprocess.run([COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=120)
    if check and done.returncode:
        raise RuntimeError(done.stderr)
    return done


def prompt(text: str, *arguments: str, model: str = MODEL) -> str:
    return llm(text, "-m", model, *arguments).stdout.removesuffix("\n")


def error_of(*arguments: str) -> dict[str, str]:
    """Return the status and the text of a command that fails."""
    done = llm(*arguments, check=False)
    return {"type": f"status {done.returncode}", "text": done.stderr}


def tools(capability: str, *options: str) -> dict[str, Any]:
    text = f"chat: {capability}"
    answer = prompt(text, "--functions", FUNCTIONS, *options)
    entries = [entry for entry in json.loads(llm("logs", "--json", "-n", "0").stdout) if entry["prompt"] == text]
    calls = [call for entry in entries for call in entry["tool_calls"]]
    return {"calls": [[call["name"], call["arguments"]] for call in calls], "answer": answer}


def conversation() -> str:
    prompt("chat: earlier turn")
    return prompt("chat: conversation", "--continue")


CAPABILITIES: dict[str, Perform] = {
    "chat": lambda: prompt("chat: chat", "--no-stream"),
    "stream": lambda: prompt("chat: stream"),
    "tools": lambda: tools("tools", "--no-stream"),
    "stream_tools": lambda: tools("stream_tools"),
    "agent_tools": lambda: prompt("chat: agent_tools", model=TOOL_AGENT),
    "structured": lambda: json.loads(prompt("chat: structured", "--schema", json.dumps(SCHEMA))),
    **images(lambda capability, model: prompt(f"chat: {capability}", "-a", str(IMAGE_FILE), model=model)),
    "conversation": conversation,
    "wrong_key": lambda: error_of("x", "-m", MODEL, "--key", WRONG_KEY),
    "unknown_model": lambda: error_of("x", "-m", MISSING_MODEL),
    "failed_run": lambda: error_of(REFUSED, "-m", MODEL, "--no-stream"),
    "failed_stream": lambda: error_of(BROKEN, "-m", MODEL),
}

models = [*IMAGE_MODELS.values(), TOOL_AGENT, MISSING_MODEL]
entries = [MODEL_FILE.replace("MODEL", name).replace("URL", URL) for name in models]
(FOLDER / "extra-openai-models.yaml").write_text("".join(entries))
(FOLDER / "keys.json").write_text(json.dumps({"headrace": KEY}))
report({"chat": CAPABILITIES})
