"""An MCP server over standard input and output that misbehaves on request. A program of its own, without packages.

Arguments: a mode, and optionally values for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

MODE = sys.argv[1]
TOOLS = [
    {
        "name": "echo",
        "description": "Return the text.",
        "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    },
    {"name": "state", "description": "Return the state of the process.", "inputSchema": {"type": "object"}},
]


def write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def respond(request: dict[str, Any], result: dict[str, Any]) -> None:
    write(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}))


def misbehave() -> None:
    """Do what the mode says, instead of answering a call."""
    if MODE == "hang":
        time.sleep(3600)
    elif MODE == "die":
        os._exit(7)
    elif MODE == "garbage":
        while True:
            write("this is not JSON")
    elif MODE == "large line":
        while True:
            sys.stdout.write("x" * 65_536)
    elif MODE == "flood":
        message = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}}
        while True:
            write(json.dumps(message))
    elif MODE == "memory":
        blocks = []
        while True:
            blocks.append(b"x" * 1_000_000)
    elif MODE == "processes":
        for _ in range(20):
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
        time.sleep(3600)


def state() -> dict[str, Any]:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True)
    return {
        "environment": sorted(os.environ),
        "folder": os.getcwd(),  # noqa: PTH109
        "pids": [os.getpid(), child.pid],
        "arguments": sys.argv[2:],
    }


def main() -> None:
    if MODE == "mute":
        time.sleep(3600)
    if MODE == "banner":
        write("Welcome to this MCP server!")
        print(os.environ.get("TOKEN"), file=sys.stderr, flush=True)  # noqa: T201
    for line in sys.stdin:
        request = json.loads(line)
        method = request.get("method")
        if "id" not in request:
            continue
        if method == "initialize":
            info = {"name": "test", "version": "1"}
            respond(request, {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info})
        elif method == "tools/list":
            respond(request, {"tools": TOOLS})
        elif method == "tools/call":
            arguments = request["params"].get("arguments") or {}
            if arguments.get("text") != "well-behaved":
                misbehave()
            text = json.dumps(state()) if request["params"]["name"] == "state" else arguments["text"]
            respond(request, {"content": [{"type": "text", "text": text}]})
        else:
            write(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32601, "message": "unknown"}}))


main()
