from __future__ import annotations

import ast
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins for uv and Python are shell scripts")


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_py", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


@pytest.fixture
def folder(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a uv that makes an environment whose Python only says what it was asked."""
    top = tmp_path / "a checkout"
    top.mkdir()
    (top / "run.py").write_bytes((project / "run.py").read_bytes())
    script(
        tmp_path / "bin" / "uv",
        f'echo "$@" > "{top}/uv.log"\nmkdir -p "{top}/.venv/bin"\n'
        f'printf \'#!/bin/sh\\necho "$(basename "$PWD"): $*"\\nexit 7\\n\' > "{top}/.venv/bin/python"\n'
        f'chmod +x "{top}/.venv/bin/python"\n',
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    return top


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(folder / "run.py"), *arguments], capture_output=True, text=True, check=False
    )


def test_it_needs_the_standard_library_alone(project: Path) -> None:
    tree = ast.parse((project / "run.py").read_text())
    names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names)


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["demo", "--seed", "2"], "a checkout: -m belonging_study demo --seed 2"),
        (["test", "-x"], "a checkout: -m pytest -x"),
        (["lab"], "a checkout: -m jupyter lab"),
        (["run", "--wave", "w2"], "-m belonging_study run --wave w2"),
    ],
)
def test_it_makes_the_locked_environment_and_hands_over(folder: Path, arguments: list[str], asked: str) -> None:
    done = call(folder, *arguments)
    assert done.returncode == 7
    assert done.stdout.strip().endswith(asked)
    assert done.stderr == "Making the environment in .venv/ (once, about a minute) ...\n"
    log = (folder / "uv.log").read_text()
    assert log.startswith("sync --frozen --quiet --project ")
    assert "--python" in log
    again = call(folder, *arguments)
    assert again.stderr == ""
    assert "--python" not in (folder / "uv.log").read_text()


def test_other_commands_run_where_the_user_is(folder: Path, tmp_path: Path) -> None:
    assert call(folder, "status").stdout.startswith(f"{tmp_path.name}: ")


def test_an_old_python_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load(folder / "run.py")
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    assert module.main(["demo"]) == 2
    assert capsys.readouterr().err.startswith("This needs Python 3.11 or newer; here is Python 3.10.\nWhat to do: ")


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ("error: Failed to fetch: dns error: failed to lookup address information", "The network did not answer"),
        ("error: Request failed after 3 retries\\n Caused by: operation timed out", "The network did not answer"),
        ("error: No space left on device (os error 28) while connecting the files", "No space left on device"),
    ],
)
def test_what_goes_wrong_is_said_in_plain_words(folder: Path, tmp_path: Path, details: str, words: str) -> None:
    script(tmp_path / "bin" / "uv", f"printf '{details}\\n' >&2\nexit 2\n")
    done = call(folder, "demo")
    assert done.returncode == 2
    assert done.stdout == ""
    assert words in done.stderr
    assert "What to do: " in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_waits_until_the_command_has_tidied_up(folder: Path) -> None:
    assert call(folder, "status").returncode == 7
    script(
        folder / ".venv" / "bin" / "python",
        "trap 'sleep 0.5; echo tidied; exit 130' INT\necho ready\nwhile :; do sleep 0.1; done\n",
    )
    script(folder.parent / "bin" / "uv", "exit 0\n")
    running = subprocess.Popen(
        [sys.executable, str(folder / "run.py"), "run"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    time.sleep(0.2)
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(20) == 130
    assert running.stdout.read() == "tidied\n"


def test_help_makes_nothing(folder: Path) -> None:
    done = call(folder)
    assert done.returncode == 0
    assert "python3 run.py demo" in done.stdout
    assert not (folder / ".venv").exists()
