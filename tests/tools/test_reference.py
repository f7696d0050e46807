"""The generated reference contains each setting, command, error, route and extra."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.cli import app as command_line
from tools.reference.cli import command_reference
from tools.reference.errors import errors_table
from tools.reference.extras import extras_table
from tools.reference.markdown import format_table
from tools.reference.routes import all_tags, routes_table
from tools.reference.settings import settings_tables

ROOT = Path(__file__).parent.parent.parent


def test_a_setting_has_its_variable_aliases_default_and_choices() -> None:
    tables = settings_tables()
    assert "| `LANGFLOW_PORT` | `7860` | Port to listen on. |" in tables
    assert "`HEADRACE_RUN_TIMEOUT_SECONDS` (also `HEADRACE_RUN_TIMEOUT`, `LANGFLOW_WORKER_TIMEOUT`) | `300` |" in tables
    assert "One of `debug`, `info`, `warning`, `error`, `critical`." in tables
    assert "`~/.headrace`" in tables


def test_every_command_has_a_section_with_its_options() -> None:
    reference = command_reference()
    names = [command.name for command in command_line.registered_commands]
    assert [n for n in names if f"## `headrace {n}" not in reference] == []
    assert "| `--output-format` | `text` |" in reference
    assert "## `headrace approvals approve CODE`" in reference


def test_an_error_has_its_status_and_meaning() -> None:
    assert re.search(r"^\| 404 \| `FlowNotFoundError` \| .+ \|$", errors_table(), re.MULTILINE)


def test_a_route_has_its_parameters_and_who_may_call_it() -> None:
    assert "| anyone |" in routes_table("Health")
    assert re.search(r"`GET /api/v1/users/` .*`limit`.*\| superuser \|", routes_table("Users"))
    assert re.search(r"`GET /api/v1/users/whoami` .*\| user \|", routes_table("Users"))


def test_an_unknown_tag_is_an_error_that_lists_the_tags() -> None:
    with pytest.raises(ValueError, match="'Users'"):
        routes_table("Nowhere")


def test_the_pages_contain_the_routes_of_every_tag() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    documented = set(re.findall(r'"([^"]+)"', " ".join(re.findall(r"routes_table\((.*?)\)\)", pages))))
    assert documented == all_tags()


def test_every_extra_has_a_purpose_and_packages() -> None:
    rows = extras_table().splitlines()[2:]
    assert rows
    assert all(re.fullmatch(r"\| `[\w-]+` \| [^|]+ \| `.+` \|", row) for row in rows)


def test_a_pipe_in_a_cell_is_escaped() -> None:
    assert format_table(("a",), [("x|y",)]) == "| a |\n| --- |\n| x\\|y |\n"


def test_an_outdated_page_fails_the_check(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- [[[cog\nfrom tools.reference.extras import extras_table\ncog.out(extras_table())\n]]] -->\nold\n<!-- [[[end]]] -->\n"
    )
    command = [sys.executable, "-m", "cogapp", "-I", "."]
    assert subprocess.run([*command, "--check", str(page)], cwd=ROOT, check=False).returncode != 0
    subprocess.run([*command, "-r", str(page)], cwd=ROOT, check=True)
    assert subprocess.run([*command, "--check", str(page)], cwd=ROOT, check=False).returncode == 0
