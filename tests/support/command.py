"""Run a command of `headrace` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def headrace(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a configuration folder and environment variables, and return its output and status."""
    command = [sys.executable, "-c", "from headrace.cli import main; main()", *arguments]
    return subprocess.run(
        command,
        env={**os.environ, "LANGFLOW_CONFIG_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
