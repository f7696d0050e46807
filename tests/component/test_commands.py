"""The commands `headrace components`."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from headrace.cli import app
from headrace.cli.component_template import NewComponentError
from headrace.cli.component_watch import describe_file, watch_component
from headrace.settings import SettingsError
from tests.support.custom_code import SHOUT


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANGFLOW_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("LANGFLOW_COMPONENTS_PATH", raising=False)


def components(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["components", *arguments])


def write(path: Path, source: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "file", "class_name"),
    [
        ("Word Count", "word_count", "WordCount"),
        ("word_count", "word_count", "WordCount"),
        ("WordCount", "word_count", "WordCount"),
        ("HTTP Fetch2", "http_fetch2", "HTTPFetch2"),
        ("shout", "shout", "Shout"),
    ],
)
def test_new_writes_a_component_that_has_no_errors_and_its_test(name: str, file: str, class_name: str) -> None:
    written = components("new", name, "--category", "texts")
    assert written.exit_code == 0, written.output
    source = Path("components", "texts", f"{file}.py")
    assert f"class {class_name}(Component):" in source.read_text()
    assert f"headrace components dev {source}" in written.output
    checked = components("check", "components")
    assert (checked.exit_code, checked.output) == (0, "1 component, 0 errors\n")
    assert f'with_name("{file}.py")' in source.with_name(f"test_{file}.py").read_text()


def test_new_uses_the_configured_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LANGFLOW_COMPONENTS_PATH", f"{tmp_path / 'mine'},{tmp_path / 'other'}")
    assert components("new", "Shout").exit_code == 0
    assert (tmp_path / "mine" / "custom" / "shout.py").is_file()
    checked = components("check")
    assert checked.exit_code == 1
    assert f"{tmp_path / 'other'}: The folder does not exist." in checked.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["new", "class", "--category", "texts"], "'class' is not a name for a component"),
        (["new", "2 words"], "'2 words' is not a name for a component"),
        (["new", "***"], "is not a name for a component"),
        (["new", "Shout", "--category", "../texts"], "'../texts' is not a category"),
        (["new", "Chat Input"], "The server has a component of the type 'ChatInput'"),
        (["new", "Taken", "--category", "texts"], "taken.py exists"),
        (["new", "Shout", "--folder", "file.txt"], "cannot be written"),
    ],
)
def test_new_refuses_names_and_files(arguments: list[str], message: str) -> None:
    write(Path("components", "texts", "taken.py"), "mine")
    write(Path("file.txt"), "mine")
    result = components(*arguments)
    assert result.exit_code == 1
    assert isinstance(result.exception, NewComponentError)
    assert message in result.exception.message
    assert Path("components", "texts", "taken.py").read_text() == "mine"


def test_check_lists_errors_with_path_and_line_and_fails() -> None:
    bad = write(Path("components", "texts", "bad.py"), "\n1 / 0\n")
    write(Path("components", "texts", "shout.py"), SHOUT)
    result = components("check", "components")
    assert result.exit_code == 1
    assert result.output == f"{bad}:2: ZeroDivisionError: division by zero\n1 component, 1 error\n"
    assert components("check", str(bad)).exit_code == 1
    assert components("check", "components/texts/shout.py").output == "1 component, 0 errors\n"
    assert "missing.py: The file cannot be read" in components("check", "missing.py").output


def test_check_needs_a_path_or_the_setting() -> None:
    result = components("check")
    assert isinstance(result.exception, SettingsError)
    assert "set LANGFLOW_COMPONENTS_PATH" in result.exception.message


def test_dev_shows_the_node_and_after_a_change_its_errors() -> None:
    file = write(Path("components", "texts", "shout.py"), SHOUT)
    shown = watch_component(file, 60)
    node = next(shown)
    assert "Shout (type Shout, category texts)\nUpper-cases a text.\n" in node
    assert (
        "Fields:\n  input_value  str  accepts Message, default 'hi'\n  times        int  advanced, default 2\n" in node
    )
    assert "Outputs:\n  output  Data  Shout.build_output" in node
    write(file, f"{SHOUT}\n1 / 0\n")
    error = next(shown)
    line = SHOUT.count("\n") + 2
    assert f"{file}:{line}: ZeroDivisionError: division by zero" in error
    assert f'File "<component>", line {line}, in <module>\n    1 / 0' in error
    file.unlink()
    assert f"{file}: The file cannot be read: No such file or directory." in next(shown)


def test_dev_does_not_show_the_default_of_a_secret() -> None:
    source = SHOUT.replace(
        'IntInput(name="times", display_name="Times", value=2', 'SecretStrInput(name="key", value="hidden value"'
    )
    file = write(Path("shout.py"), source.replace("IntInput", "SecretStrInput"))
    text = describe_file(file, 60)
    assert "  key " in text
    assert "hidden value" not in text


def test_dev_runs_until_it_is_interrupted() -> None:
    file = write(Path("shout.py"), SHOUT)
    command = [sys.executable, "-c", "from headrace.cli import main; main()", "components", "dev", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        shown: list[str] = []
        for line in process.stdout:
            shown.append(line)
            if "Shout.build_output" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert any("Shout (type Shout" in line for line in shown), shown
    assert (process.returncode, "Traceback" in rest) == (0, False)
