"""The official MCP SDK for JavaScript lists and calls tools over streamable HTTP and SSE."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.flow_builder import echo_flow
from tests.support.flows import create_flow

FOLDER = Path(__file__).parent
SDK = FOLDER / "node_modules" / "@modelcontextprotocol" / "sdk"
INSPECTOR = FOLDER / "node_modules" / ".bin" / "mcp-inspector"


def run_client(*arguments: str) -> dict[str, Any]:
    node = shutil.which("node")
    if node is None or not SDK.exists():
        pytest.skip("Node.js or the JavaScript clients are missing: run make clients")
    script = FOLDER / "scripts" / "mcp_javascript.mjs"
    result = subprocess.run([node, str(script), *arguments], capture_output=True, text=True, timeout=120, check=True)
    return dict(json.loads(result.stdout))


@pytest.mark.parametrize("kind", ["global", "project"])
@pytest.mark.parametrize("transport", ["streamable", "sse"])
def test_the_javascript_sdk_lists_and_calls_tools(client: httpx2.Client, transport: str, kind: str) -> None:
    tool = f"echo_{uuid.uuid4().hex[:8]}"
    project = client.post("/api/v1/projects/", json={"name": f"p {uuid.uuid4()}"}).json()["id"]
    create_flow(client, echo_flow(), mcp_enabled=True, action_name=tool, folder_id=project)
    key = client.post("/api/v1/api_key/", json={"name": "javascript"}).json()["api_key"]
    path = f"project/{project}/{transport}" if kind == "project" else transport
    url = f"{str(client.base_url).rstrip('/')}/api/v1/mcp/{path}"
    report = run_client(transport, url, key, tool)
    assert tool in report["tools"]
    assert report["result"] == "from JavaScript"
    for wrong in ("sk-wrong", ""):
        # One transport reports the status and the other one the body.
        assert re.search("403|API key", run_client(transport, url, wrong, tool)["error"])


def test_the_inspector_lists_and_calls_tools_over_sse(client: httpx2.Client) -> None:
    tool = f"echo_{uuid.uuid4().hex[:8]}"
    create_flow(client, echo_flow(), mcp_enabled=True, action_name=tool)
    key = client.post("/api/v1/api_key/", json={"name": "inspector"}).json()["api_key"]
    url = f"{str(client.base_url).rstrip('/')}/api/v1/mcp/sse"
    listed = inspect(url, key, "tools/list")
    assert tool in [t["name"] for t in json.loads(listed.stdout)["tools"]]
    called = inspect(url, key, "tools/call", "--tool-name", tool, "--tool-arg", "input_value=inspected")
    assert json.loads(called.stdout)["structuredContent"]["result"] == "inspected"
    assert inspect(url, "sk-wrong", "tools/list").returncode != 0


def inspect(url: str, key: str, method: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    if not INSPECTOR.exists():
        pytest.skip("The Inspector is missing: run make clients")
    # This version of the Inspector has no option for headers.
    command = [str(INSPECTOR), "--cli", f"{url}?x-api-key={key}", "--transport", "sse", "--method", method]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=120, check=False)
