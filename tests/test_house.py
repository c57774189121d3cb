"""The shape of the project: which way imports point, what the environment files say, what is under git."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import belonging_study

ORDER = ["study", "data", "scales", "effects", "figures", "reports", "cli"]


def modules(project: Path) -> list[Path]:
    return sorted((project / "src" / "belonging_study").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """First folder of every module of the package that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {n.split(".")[1] for n in names if n.startswith("belonging_study.") and len(n.split(".")) > 1}
    return found


def test_imports_point_back_along_the_data(project: Path) -> None:
    root = project / "src" / "belonging_study"
    wrong = []
    for path in modules(project):
        folder = path.relative_to(root).parts[0].removesuffix(".py")
        if folder not in ORDER:
            continue
        ahead = [name for name in imported(path) if name in ORDER and ORDER.index(name) > ORDER.index(folder)]
        wrong += [f"{path.relative_to(root)} imports {name}" for name in ahead]
    assert not wrong


def test_modules_are_small(project: Path) -> None:
    long = {p.name: n for p in modules(project) if (n := len(p.read_text(encoding="utf-8").splitlines())) > 450}
    assert not long


def test_public_names_exist_and_are_sorted() -> None:
    assert list(belonging_study.__all__) == sorted(belonging_study.__all__)
    for name in belonging_study.__all__:
        assert getattr(belonging_study, name) is not None
    with pytest.raises(AttributeError):
        belonging_study.no_such_name  # noqa: B018


def locked(project: Path) -> dict[str, str]:
    lock = tomllib.loads((project / "uv.lock").read_text(encoding="utf-8"))
    return {package["name"]: package["version"] for package in lock["package"] if "version" in package}


def test_constraints_agree_with_the_lock(project: Path) -> None:
    versions = locked(project)
    lines = (project / "constraints.txt").read_text(encoding="utf-8").split("\n")
    pinned = dict(re.match(r"([A-Za-z0-9._-]+)==([^ ;]+)", line).groups() for line in lines if "==" in line)  # type: ignore[union-attr]
    assert pinned
    assert {name: versions.get(name) for name in pinned} == pinned
    definition = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {re.match(r"[A-Za-z0-9._-]+", d).group(0) for d in definition["project"]["dependencies"]}  # type: ignore[union-attr]
    assert wanted <= set(pinned)


def test_conda_environment_installs_this_project_at_the_locked_versions(project: Path) -> None:
    environment = yaml.safe_load((project / "environment.yml").read_text(encoding="utf-8"))
    python = next(d for d in environment["dependencies"] if isinstance(d, str) and d.startswith("python"))
    definition = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    assert python.removeprefix("python").strip() == definition["project"]["requires-python"]
    pip = next(d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    assert pip == ["-c constraints.txt", "-e ."]


def test_dependencies_are_each_justified(project: Path) -> None:
    text = (project / "CONTRIBUTING.md").read_text(encoding="utf-8")
    definition = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    names = {re.match(r"[A-Za-z0-9._-]+", d).group(0) for d in definition["project"]["dependencies"]}  # type: ignore[union-attr]
    table = {n.strip() for row in re.findall(r"^\| (.+?) \|", text, flags=re.M) for n in row.split(",")}
    assert names <= table


def test_notebooks_are_stripped_and_annotated(project: Path) -> None:
    notebooks = sorted((project / "notebooks").glob("*.ipynb"))
    assert [n.stem for n in notebooks] == ["01_clean", "02_scales", "03_did", "04_multilevel", "05_figures"]
    for path in notebooks:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        ids = [cell["id"] for cell in cells]
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(r"[a-z0-9-]+", i) for i in ids), path.name  # ids that were given, not drawn
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code), path.name
        parameters = [cell for cell in code if "parameters" in cell["metadata"].get("tags", [])]
        assert len(parameters) == 1
        for line in "".join(parameters[0]["source"]).splitlines():
            assert re.fullmatch(r"[a-z_]+: (str|int|float|bool) = \S.*  # \S.*", line), line
        source = "\n".join("".join(cell["source"]) for cell in code)
        tree = ast.parse(source)
        assert not any(isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Lambda) for n in ast.walk(tree)), path.name


def test_nothing_raw_or_local_is_under_git(project: Path) -> None:
    try:
        listed = subprocess.run(["git", "ls-files"], cwd=project, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    data = re.compile(r"^(examples/[^/]+/)?(data_raw|data_processed|outputs)/")
    assert not [f for f in listed.splitlines() if data.match(f) and not f.endswith("README.md")]
