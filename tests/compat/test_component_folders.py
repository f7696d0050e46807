"""The operator's component folders: each file that cannot be loaded is named, and the others work."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from headrace.app import create_app
from headrace.compat.component_file import load_component_file
from headrace.compat.component_folders import ComponentFolders
from headrace.component.load_problem import ComponentFileError
from headrace.component.registry import Registry
from tests.conftest import PASSWORD, settings_for
from tests.support.clients import log_in, signed_in
from tests.support.custom_code import SHOUT, answer_text, create_flow, flow_with_code, run_flow
from tests.support.waiting import until

HEAD = """
from lfx.custom import Component
from lfx.io import IntInput, MessageTextInput, Output
from lfx.schema import Message
"""


def component(inputs: str = "", outputs: str = "", body: str = "pass", head: str = HEAD) -> str:
    """Return a source: `inputs` is at line 8, `outputs` at line 9 and the `body` begins at line 10."""
    return f"{head}\n\nclass Bad(Component):\n    inputs = [{inputs}]\n    outputs = [{outputs}]\n    {body}\n"


FUTURE_HEAD = "from __future__ import annotations\n" + HEAD.lstrip()
GO = "def go(self) -> Message:\n        return Message()"
OUTPUT = 'Output(name="out", display_name="Out", method="go")'

#: A source with the line and the message of its error.
BROKEN = {
    "syntax": ("class Bad(:\n", 1, "Invalid Python code: invalid syntax"),
    "nul": ("x = '\x00'", None, "Invalid Python code: source code string cannot contain null bytes"),
    "missing package": ("\nimport no_such_package\n", 2, "ModuleNotFoundError: No module named 'no_such_package'"),
    "missing name": ("from lfx.io import NoSuchInput\n", 1, "ImportError: lfx.io.NoSuchInput is not available in headrace."),
    "exception": ("\n1 / 0\n", 2, "ZeroDivisionError: division by zero"),
    "exit": ("import sys\nsys.exit(3)\n", 2, "SystemExit: The component called sys.exit(3)."),
    "interrupt": ("raise KeyboardInterrupt\n", 1, "KeyboardInterrupt: KeyboardInterrupt"),
    "endless": ("while True:\n    pass\n", None, "The file did not finish loading within 2 s."),
    "endless despite handlers": (
        "while True:\n    try:\n        x = 1\n    except Exception:\n        pass\n",
        None,
        "The file did not finish loading within 2 s.",
    ),
    "no component": ("x = 1\n", None, "The code defines no component. Add a class that inherits from Component."),
    "missing method": (
        component(outputs='Output(name="out", display_name="Out", method="goo")', body=GO),
        9,
        "The output 'out' needs the method 'goo', which Bad does not have. Did you mean 'go'?",
    ),
    "unknown annotation": (
        component(outputs=OUTPUT, body=GO.replace("-> Message", "-> Mesage"), head=FUTURE_HEAD),
        10,
        "The return annotation of Bad.go contains the unknown name 'Mesage'. Did you mean 'Message'?",
    ),
    "unknown annotation in quotes": (
        component(outputs=OUTPUT, body=GO.replace("-> Message", "-> 'list[Nothing]'")),
        10,
        "contains the unknown name 'Nothing'. Import it, or correct the annotation",
    ),
    "inputs of another kind": (component(inputs='"text"'), 7, "`inputs` of Bad contains 'text', which is not an instance of Input."),
    "class instead of input": (component(inputs="IntInput"), 7, "Call the class."),
    "output among inputs": (component(inputs=OUTPUT, body=GO), 7, "Move it to `outputs`."),
    "inputs without a list": (component(body="inputs = None"), 7, "`inputs` of Bad must be a list."),
    "input without name": (component(inputs='IntInput(display_name="N")'), 8, "ValidationError: 1 validation error for IntInput name Field required"),
    "default of another type": (
        component(inputs='IntInput(name="number", value="many")'),
        8,
        "The default of the input 'number' has the wrong type: the field expects a whole number, not a text.",
    ),
    "input name": (component(inputs='IntInput(name="my number")'), 8, "The input name 'my number' is not a Python name."),
    "reserved input": (component(inputs='MessageTextInput(name="code")'), 8, "The input name 'code' is reserved."),
    "duplicate inputs": (
        component(inputs='IntInput(name="n"),\n        IntInput(name="n"),\n    '),
        9,
        "Bad has 2 inputs with the name 'n'. Rename one of them.",
    ),
    "duplicate outputs": (component(outputs=f"{OUTPUT}, {OUTPUT}", body=GO), 9, "Bad has 2 outputs with the name 'out'."),
    "name": (component(body="display_name = 5"), 7, "`display_name` of Bad must be a text."),
    "value without JSON": (component(inputs='MessageTextInput(name="a", info="\\ud800")'), None, "The component has no valid node: "),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_cannot_be_loaded_is_an_error_with_its_line(tmp_path: Path, case: str) -> None:
    source, line, message = BROKEN[case]
    path = tmp_path / "loud" / "bad.py"
    path.parent.mkdir()
    path.write_text(source, encoding="utf-8")
    # An endless import is stopped; the others take a fraction of their limit.
    with pytest.raises(ComponentFileError) as caught:
        load_component_file(path, timeout_seconds=2 if "endless" in case else 60)
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == (path, line)
    assert message in problem.message
    assert "\n" not in problem.message


@pytest.mark.parametrize(
    "source",
    [
        SHOUT,
        component(outputs=OUTPUT, body=GO, head=FUTURE_HEAD),
        component(
            outputs=OUTPUT,
            body=GO.replace("-> Message", "-> Path | list[Message]"),
            head=f"{FUTURE_HEAD}from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pathlib import Path\n",
        ),
        component(outputs=OUTPUT, body=GO.replace(" -> Message", "")),
        component(inputs='IntInput(name="n", value=""), IntInput(name="m", value="5")'),
    ],
    ids=["shout", "future annotations", "type checking", "no annotation", "empty and numeric defaults"],
)
def test_a_complete_component_has_no_problems(tmp_path: Path, source: str) -> None:
    path = tmp_path / "loud" / "good.py"
    path.parent.mkdir()
    path.write_text(source, encoding="utf-8")
    loaded = load_component_file(path)
    assert (loaded.category, loaded.node["template"]["code"]["value"]) == ("loud", source)


async def problems_of(*folders: Path) -> tuple[list[str], list[str]]:
    """Return the problems of folders, and the types of the components that work."""
    watched = ComponentFolders(list(folders), Registry(), lambda: None)
    await watched.reload()
    return [str(problem) for problem in watched.problems], [c.component.type_name() for c in watched.components]


def write(path: Path, source: str = SHOUT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    return path


def test_files_and_folders_in_a_wrong_place_are_problems(tmp_path: Path) -> None:
    write(tmp_path / "loud" / "shout.py")
    write(tmp_path / "loud" / "_private.py", "raise SystemExit")
    write(tmp_path / "loud" / "test_shout.py", "raise SystemExit")
    write(tmp_path / "loud" / "conftest.py", "raise SystemExit")
    write(tmp_path / "loud" / "tests" / "shout.py", "raise SystemExit")
    write(tmp_path / "loud" / "notes.txt", "not Python")
    write(tmp_path / "_drafts" / "whisper.py", "raise SystemExit")
    root = write(tmp_path / "whisper.py")
    deep = write(tmp_path / "loud" / "deep" / "whisper.py")
    (tmp_path / "loud" / "gone.py").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loud" / "latin.py").write_bytes(b"# \xe9\n")
    (tmp_path / "loud" / "folder.py").mkdir()
    problems, types = asyncio.run(problems_of(tmp_path, tmp_path / "missing", tmp_path / "loud" / "shout.py"))
    assert types == ["Shout"]
    assert sorted(problems) == sorted(
        [
            f"{root}: The file is not in a category. Move it to a subfolder, such as {tmp_path / 'custom' / 'whisper.py'}: "
            "the name of the subfolder is the category.",
            f"{deep}: The file is too deep. Move it to {tmp_path / 'loud'}: a category has no subfolders.",
            f"{tmp_path / 'loud' / 'gone.py'}: The file cannot be read: No such file or directory.",
            f"{tmp_path / 'loud' / 'latin.py'}: The file cannot be read: it is not UTF-8 text.",
            f"{tmp_path / 'loud' / 'folder.py'}: The file cannot be read: Is a directory.",
            f"{tmp_path / 'missing'}: The folder does not exist. Create it, or correct LANGFLOW_COMPONENTS_PATH.",
            f"{tmp_path / 'loud' / 'shout.py'}: This is not a folder. LANGFLOW_COMPONENTS_PATH lists folders, whose subfolders "
            "are categories.",
        ]
    )


def test_of_two_files_with_the_same_type_the_first_is_used(tmp_path: Path) -> None:
    first = write(tmp_path / "a" / "shout.py")
    second = write(tmp_path / "b" / "shout.py", f"{SHOUT}# second\n")
    problems, types = asyncio.run(problems_of(tmp_path))
    assert types == ["Shout"]
    (problem,) = problems
    assert problem.startswith(f"{second}: The component type 'Shout' is already defined in {first}.")


def test_a_file_in_a_component_folder_is_registered_and_reloaded_when_it_changes(tmp_path: Path) -> None:
    folder = tmp_path / "components"
    file = write(folder / "loud" / "shout.py")
    settings = settings_for(tmp_path, components_path=[folder], custom_code="nobody")
    with signed_in(create_app(settings)) as client:
        catalogue = client.get("/api/v1/all")
        node = catalogue.json()["loud"]["Shout"]
        assert (node["display_name"], node["template"]["code"]["value"]) == ("Shout", SHOUT)
        data = flow_with_code(SHOUT)
        flow = create_flow(client, data)
        # It runs although the policy is "nobody": the folder is trusted, and the copy in the flow is ignored.
        assert "QUIETQUIET" in answer_text(run_flow(client, flow["id"]))
        file.write_text(SHOUT.replace(".upper()", ".title()"))
        until(lambda: client.get("/api/v1/all").headers["etag"] != catalogue.headers["etag"])
        assert "QuietQuiet" in answer_text(run_flow(client, flow["id"]))
        file.unlink()
        until(lambda: "loud" not in client.get("/api/v1/all").json())
        assert run_flow(client, flow["id"]).status_code == 400


def test_a_file_that_breaks_keeps_its_last_version_and_is_reported_to_superusers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "components"
    shout = write(folder / "loud" / "shout.py")
    new = write(folder / "loud" / "whisper.py", component(outputs=OUTPUT))
    with (
        caplog.at_level(logging.ERROR),
        signed_in(create_app(settings_for(tmp_path, components_path=[folder]))) as client,
    ):
        flow = create_flow(client, flow_with_code(SHOUT))
        assert list(client.get("/api/v1/all").json()["loud"]) == ["Shout"]
        missing = {"path": str(new), "line": 9, "uses_last_version": False}
        (error,) = client.get("/api/v1/components/errors").json()
        assert error.items() >= missing.items()
        assert f"{new}:9: The output 'out' needs the method 'go', which Bad does not have." in caplog.text

        shout.write_text("\n1 / 0\n")
        errors = until(lambda: [e for e in client.get("/api/v1/components/errors").json() if e["path"] == str(shout)])
        assert errors == [
            {"path": str(shout), "line": 2, "message": "ZeroDivisionError: division by zero", "uses_last_version": True}
        ]
        assert "shout.py:2: ZeroDivisionError: division by zero Its last good version stays in use." in caplog.text
        assert list(client.get("/api/v1/all").json()["loud"]) == ["Shout"]
        assert "QUIETQUIET" in answer_text(run_flow(client, flow["id"]))

        shout.write_text(SHOUT)
        until(lambda: [e["path"] for e in client.get("/api/v1/components/errors").json()] == [str(new)])

        user = client.post("/api/v1/users/", json={"username": "ada", "password": PASSWORD}).json()
        client.patch(f"/api/v1/users/{user['id']}", json={"is_active": True})
        ada = log_in(str(client.base_url).rstrip("/"), "ada")
        assert client.get("/api/v1/components/errors", headers=ada).status_code == 403
