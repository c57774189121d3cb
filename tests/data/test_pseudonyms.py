from __future__ import annotations

import hashlib
import hmac
import os
import stat
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from belonging_study.data.linking.keys import key_fingerprint, load_key
from belonging_study.data.linking.pseudonyms import normalise_ids, pseudonymise
from belonging_study.errors import DataError, KeyFileError
from belonging_study.study.model import Study

WHERE = "w1/roster.csv, column student_id"


@pytest.fixture
def study_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("BELONGING_STUDY_KEY_FILE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "study"
    (folder / "data_raw").mkdir(parents=True)

    def make(**more: Any) -> Study:
        return Study.model_validate(
            {
                "title": "A study",
                "name": "a_study",
                "programme": {"name": "P"},
                "waves": [{"name": "w1", "label": "1", "date": "2026-01-01", "sources": [{"file": "w1.csv"}]}],
                "design": {"assignment": {"starts": "w1"}},
                "outcomes": [{"name": "marks", "measure": "marks", "label": "Marks"}],
                "file": folder / "study.yml",
                **more,
            }
        )

    return make


def test_ids_written_in_many_ways_become_one() -> None:
    ids = pd.Series(["AB12", " ab12", "aB 12", "ａｂ１２", "ab\u00a012"])
    assert set(normalise_ids(ids, where=WHERE)) == {"ab12"}


def test_leading_zeros_stay_and_blanks_are_missing() -> None:
    found = normalise_ids(pd.Series(["007", "7", "", "  ", None]), where=WHERE)
    assert found.tolist()[:2] == ["007", "7"]
    assert found.isna().tolist() == [False, False, True, True, True]


@pytest.mark.parametrize("ids", [pd.Series([12.0, None]), pd.Series([12, 12]), pd.Series(["12.0", None])])
def test_whole_numbers_lose_their_decimals(ids: pd.Series) -> None:
    assert normalise_ids(ids, where=WHERE)[0] == "12"


def test_a_dot_that_means_something_stays() -> None:
    assert normalise_ids(pd.Series(["1.0", "1.1"]), where=WHERE).tolist() == ["1.0", "1.1"]


@pytest.mark.parametrize(
    ("ids", "count"),
    [
        (pd.Series(["1.0E+05", "1.0E+05", "12"]), 2),
        (pd.Series(["1,2E+05"]), 1),
        (pd.Series(["1E+05"]), 1),
        (pd.Series([12.5, 3.0]), 1),
        (pd.Series([1.2345678901234567e17]), 1),
        (pd.Series(pd.to_datetime(["2026-01-02", "2026-01-03"])), 2),
    ],
)
def test_ids_that_a_spreadsheet_changed_are_an_error_with_their_count(ids: pd.Series, count: int) -> None:
    with pytest.raises(DataError) as error:
        normalise_ids(ids, where=WHERE)
    assert f"the identifiers of {count} row" in str(error.value)
    assert WHERE in str(error.value)
    assert "spreadsheet" in str(error.value)


def test_the_code_is_the_keyed_hash_of_kind_and_id() -> None:
    key = bytes(range(32))
    expected = hmac.new(key, b"student\0ab12", hashlib.sha256).hexdigest()
    assert pseudonymise(pd.Series(["ab12"]), "student", key)[0] == "p" + expected[:16]
    assert pseudonymise(pd.Series(["ab12"]), "school", key)[0].startswith("s")
    assert pseudonymise(pd.Series(["ab12"]), "school", key)[0][1:] != expected[:8]


def test_another_key_gives_other_codes_and_missing_stays_missing() -> None:
    ids = pd.Series(["a", None, "a"], dtype=object)
    one, other = (pseudonymise(ids, "student", bytes([n]) * 32) for n in (1, 2))
    assert one[0] == one[2] != other[0]
    assert pd.isna(one[1])


def test_two_ids_with_one_code_are_an_error() -> None:
    # 24 bits for blocks: among 20,000 names some pair collides almost surely (expected 12 pairs).
    with pytest.raises(DataError, match=r"block codes would stand for two"):
        pseudonymise(pd.Series([str(i) for i in range(20_000)]), "block", bytes(32))


def test_a_key_is_made_once_outside_the_study_and_for_the_user_alone(study_in: Any, tmp_path: Path) -> None:
    key = load_key(study_in())
    (file,) = (tmp_path / "config").rglob("*.key")
    assert file.name == "a_study.key"
    assert bytes.fromhex(file.read_text()) == key
    assert len(key) == 32
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_key(study_in()) == key
    assert list(file.parent.iterdir()) == [file]


def test_the_environment_comes_before_the_definition(
    study_in: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, by_environment = tmp_path / "named.key", tmp_path / "environment.key"
    study = study_in(privacy={"key_file": str(named)})
    monkeypatch.setenv("BELONGING_STUDY_KEY_FILE", str(by_environment))
    load_key(study)
    assert by_environment.exists()
    assert not named.exists()
    monkeypatch.delenv("BELONGING_STUDY_KEY_FILE")
    load_key(study)
    assert named.exists()


@pytest.mark.parametrize("name", ["secret.key", "keys/secret.key", "../study/secret.key"])
def test_a_key_inside_the_study_is_refused(study_in: Any, name: str) -> None:
    with pytest.raises(KeyFileError, match="inside the study's folder") as error:
        load_key(study_in(privacy={"key_file": name}))
    assert "move it outside" in str(error.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"ab" * 8, "8 bytes"), (b"", "0 bytes"), (b"not a key", "hexadecimal"), (b"\xff\xfe", "read")],
)
def test_an_unusable_key_is_an_error_and_stays_as_it_is(
    study_in: Any, tmp_path: Path, content: bytes, says: str
) -> None:
    file = tmp_path / "a.key"
    file.write_bytes(content)
    with pytest.raises(KeyFileError, match=says):
        load_key(study_in(privacy={"key_file": str(file)}))
    assert file.read_bytes() == content


def test_a_folder_in_place_of_the_key_is_an_error(study_in: Any, tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read"):
        load_key(study_in(privacy={"key_file": str(tmp_path)}))


def demo_files(folder: Path) -> None:
    (folder / "w1.csv").write_text("student_id\n1\n")
    digest = hashlib.sha256((folder / "w1.csv").read_bytes()).hexdigest()
    (folder / "demo.sha256").write_text(f"{digest}  w1.csv\n")


def test_the_demo_needs_no_key_file(study_in: Any, tmp_path: Path) -> None:
    study = study_in(demo={"seed": 3})
    demo_files(study.folder / "data_raw")
    assert load_key(study) == load_key(study)
    assert load_key(study) != load_key_of_seed(study_in, 4)
    assert not (tmp_path / "config").exists()


def load_key_of_seed(study_in: Any, seed: int) -> bytes:
    return load_key(study_in(demo={"seed": seed}))


@pytest.mark.parametrize("change", ["content", "list", "name"])
def test_real_files_under_the_demo_section_are_refused(study_in: Any, change: str) -> None:
    study = study_in(demo={"seed": 3})
    raw = study.folder / "data_raw"
    demo_files(raw)
    if change == "content":
        (raw / "w1.csv").write_text("student_id\n2\n")
    elif change == "list":
        (raw / "demo.sha256").unlink()
    else:
        (raw / "demo.sha256").write_text((raw / "demo.sha256").read_text().replace("w1", "w2"))
    with pytest.raises(KeyFileError, match="still has the `demo:` section") as error:
        load_key(study)
    assert "w1.csv" in error.value.where
    assert "remove" in error.value.remedy


def test_the_raw_folder_may_lie_elsewhere(study_in: Any, tmp_path: Path) -> None:
    demo_files(tmp_path)
    assert load_key(study_in(demo={"seed": 3}), tmp_path) == load_key_of_seed(study_in, 3)


def test_the_fingerprint_tells_keys_apart_without_showing_them() -> None:
    key = bytes(range(32))
    assert key_fingerprint(key) == hmac.new(key, b"belonging-study key check", "sha256").hexdigest()[:12]
    assert key_fingerprint(key) != key_fingerprint(bytes(32))
