"""Secrets and the data folder."""

from pathlib import Path

import pytest

from deploy.embedded.errors import AlreadyRunning, BrokenFolder
from deploy.embedded.folder import DataFolder
from deploy.embedded.secrets import read_or_make_secret, write_private_file


def test_a_secret_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "one"

    first = read_or_make_secret(path)
    path.chmod(0o644)

    assert read_or_make_secret(path) == first
    assert len(first) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert read_or_make_secret(path.with_name("other")) != first


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one").touch()

    with pytest.raises(BrokenFolder, match="is empty"):
        read_or_make_secret(tmp_path / "one")


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    write_private_file(path, "new")

    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_claimed_by_one(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "deep" / "data")

    with folder.claim(), pytest.raises(AlreadyRunning), DataFolder(folder.path).claim():
        pass

    with folder.claim():
        assert folder.is_ours


def test_a_folder_with_other_things_is_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "letters").touch()

    with pytest.raises(BrokenFolder, match="holds other things"), DataFolder(tmp_path).claim():
        pass

    assert [path.name for path in tmp_path.iterdir()] == ["letters"]


def test_a_folder_where_services_have_kept_their_keys_is_claimed(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()

    with DataFolder(tmp_path).claim():
        pass


def test_removal_follows_no_links(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    folder = DataFolder(tmp_path / "data")
    with folder.claim():
        pass
    (folder.path / "logs" / "link").symlink_to(tmp_path / "precious")
    (folder.path / "link").symlink_to(tmp_path / "precious")

    with folder.held_for_removal():
        folder.remove()

    assert not folder.path.exists()
    assert (tmp_path / "precious" / "file").exists()


def test_an_unmarked_folder_is_not_removed(tmp_path: Path) -> None:
    with (
        pytest.raises(BrokenFolder, match="nothing was removed"),
        DataFolder(tmp_path).held_for_removal(),
    ):
        pass
