"""The tutorial for authors works as printed: its files, its commands, and the components in a server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import signed_in
from tests.support.custom_code import answer_text, create_flow, run_flow
from tests.support.flow_builder import FlowBuilder

PAGE = (Path(__file__).parent.parent.parent / "docs" / "writing-components.md").read_text(encoding="utf-8")
#: In the page's order: a file with its content, or a shell script.
STEP = re.compile(
    r"^`(?P<path>components/[\w/]+\.py)`:\n\n```python\n(?P<source>.*?)^```|^```sh\n(?P<script>.*?)^```", re.M | re.S
)


def follow_the_page(folder: Path) -> str:
    """Write the files and run the commands of the page, and return what the commands print."""
    bin_folder = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "LANGFLOW_CONFIG_DIR": str(folder / "config"),
    }
    printed: list[str] = []
    for step in STEP.finditer(PAGE):
        if step["path"]:
            path = folder / step["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step["source"], encoding="utf-8")
            continue
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", step["script"]],
            capture_output=True,
            text=True,
            cwd=folder,
            env=environment,
            timeout=120,
        )
        assert done.returncode == 0, step["script"] + done.stdout + done.stderr
        printed.append(done.stdout)
    return "\n".join(printed)


def test_the_tutorial_works_as_printed(tmp_path: Path) -> None:
    printed = follow_the_page(tmp_path)
    assert "1 component, 0 errors" in printed
    assert "Wrote components/texts/word_count.py" in printed
    assert "4 passed" in printed
    assert "2 components, 0 errors" in printed
    settings = settings_for(tmp_path / "config", components_path=[tmp_path / "components"], custom_code="nobody")
    with signed_in(create_app(settings)) as client:
        nodes = client.get("/api/v1/all").json()["texts"]
        assert sorted(nodes) == ["Shout", "WordCount"]
        flow = create_flow(client, counting_flow(nodes["WordCount"]))
        assert answer_text(run_flow(client, flow["id"], "a mill by the river")) == "5 words, 15 letters"
        assert_the_owner_sees_the_lines(run_flow(client, flow["id"], " "))


def counting_flow(node: dict[str, Any]) -> dict[str, Any]:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    data = {"id": "WordCount-w", "type": "WordCount", "node": node}
    flow.data["nodes"].append({"id": "WordCount-w", "type": "genericNode", "position": {"x": 0, "y": 0}, "data": data})
    flow.edge("ChatInput-a", "message", "WordCount-w", "text")
    return flow.edge("WordCount-w", "summary", "ChatOutput-b", "input_value").data


def assert_the_owner_sees_the_lines(response: httpx2.Response) -> None:
    assert response.status_code == 500
    assert "Lower the minimum" in response.text
    assert "in build_summary" in response.json()["detail"]
