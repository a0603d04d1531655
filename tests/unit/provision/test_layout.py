"""The configuration file and the folder of layouts."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.provision.domain import LayoutError, UnknownLayout
from services.provision.layout.entities import BUILT_IN_CHANNELS, BUILT_IN_THINGS
from services.provision.layout.files import Configuration, read_configuration
from services.provision.layout.reading import read_layout
from services.provision.layouts import LayoutBook
from services.provision.settings import ProvisionSettings

PRINTED = Path("deploy/addons/provision/configs/config.toml")


def read(path: Path, text: str, **settings: object) -> Configuration:
    path.joinpath("config.toml").write_text(text)
    return read_configuration(
        ProvisionSettings(config_file=str(path / "config.toml"), **settings)  # type: ignore[arg-type]
    )


def test_without_a_file_the_layout_is_what_an_agent_needs(tmp_path: Path) -> None:
    configuration = read_configuration(
        ProvisionSettings(config_file=str(tmp_path / "missing.toml"))
    )

    assert [thing.name for thing in configuration.layout.things] == ["thing"]
    assert [channel.kind for channel in configuration.layout.channels] == ["control", "data"]
    assert configuration.layout.content is None


def test_the_printed_layout_loads_without_a_warning() -> None:
    configuration = read_configuration(ProvisionSettings(config_file=str(PRINTED)))

    layout = configuration.layout
    assert configuration.warnings == ()
    assert [thing.metadata for thing in layout.things] == [{"external_id": "xxxxxx"}]
    assert [channel.name for channel in layout.channels] == [
        "control-channel",
        "data-channel",
        "export-channel",
    ]
    assert layout.content is not None
    assert layout.content["agent"]["heartbeat"] == {"interval": "30s"}
    assert [route["nats_topic"] for route in layout.content["export"]["routes"]] == [
        "channels",
        "export",
    ]


@pytest.mark.parametrize("prefix", ["mf_", "mg_", "smq_", "SMQ_", ""])
def test_every_releases_prefix_is_understood(tmp_path: Path, prefix: str) -> None:
    configuration = read(
        tmp_path,
        f"""
        [server]
        http_port = "8190"
        {prefix}user = "john@example.com"
        {prefix}pass = "12345678"
        {prefix}bs_url = "http://bs:9013/things"
        users_location = "http://users:9002"
        """,
    )

    settings = configuration.settings
    assert settings.http_port == 8190
    assert (settings.user, settings.password) == ("john@example.com", "12345678")
    assert settings.bootstrap_url == "http://bs:9013/things"
    assert settings.users_url == "http://users:9002"


@pytest.mark.parametrize(
    "text",
    [
        'SMQ_PROVISION_API_KEY = "token"',
        'MF_PROVISION_API_KEY = "token"',
        '[server]\nSMQ_PROVISION_API_KEY = "token"',
        '[server]\nmf_api_key = "token"',
    ],
)
def test_the_documented_api_key_name_is_understood_in_the_file(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).settings.api_key == "token"


def test_a_value_in_the_file_wins_over_the_environment_even_if_false(tmp_path: Path) -> None:
    configuration = read(
        tmp_path,
        """
        [server]
        mf_user = "from-file"
        [bootstrap]
        autowhite_list = false
        """,
        user="from-environment",
        bs_auto_whitelist=True,
    )

    assert configuration.settings.user == "from-file"
    assert configuration.layout.whitelists is False


def test_empty_text_in_the_file_is_as_good_as_nothing(tmp_path: Path) -> None:
    configuration = read(
        tmp_path,
        """
        [server]
        http_port = ""
        mf_user = ""
        users_location = ""
        [bootstrap]
        content = ""
        """,
        user="from-environment",
        bs_content='{"from":"environment"}',
    )

    assert configuration.settings.user == "from-environment"
    assert configuration.settings.http_port == 9016
    assert configuration.settings.users_url == "http://localhost:9002"
    assert configuration.layout.content == {"from": "environment"}


def test_content_may_be_text_as_in_the_first_releases(tmp_path: Path) -> None:
    configuration = read(
        tmp_path, """[bootstrap]\ncontent = '{"log_level":"info","http_port":"9003"}'\n"""
    )

    assert configuration.layout.content == {"log_level": "info", "http_port": "9003"}


def test_what_the_original_read_wins_over_what_it_did_not(tmp_path: Path) -> None:
    configuration = read(
        tmp_path,
        '[server]\nusers_url = "http://read"\nusers_location = "http://never-read"\n',
    )

    assert configuration.settings.users_url == "http://read"
    assert [warning.code for warning in configuration.warnings] == ["repeated-setting"]


def test_missing_arrays_fall_back_to_the_built_in_layout(tmp_path: Path) -> None:
    only_things = read(tmp_path, '[[things]]\nname = "own"\n[things.metadata]\nexternal_id = ""')
    only_channels = read(tmp_path, '[[channels]]\nname = "own"')

    assert only_things.layout.channels == BUILT_IN_CHANNELS
    assert only_channels.layout.things == BUILT_IN_THINGS


def test_content_comes_from_the_environment_if_the_file_has_none(tmp_path: Path) -> None:
    configuration = read(tmp_path, "", bs_content='{"agent":{"log":{"level":"info"}}}')

    assert configuration.layout.content == {"agent": {"log": {"level": "info"}}}


@pytest.mark.parametrize("content", ["{", "[]", '{"a":' + "[" * 100 + "]" * 100 + "}"])
def test_unusable_content_in_the_environment_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(LayoutError, match="SMQ_PROVISION_BS_CONTENT is not a JSON object"):
        read(tmp_path, "", bs_content=content)


def test_times_are_text_in_json(tmp_path: Path) -> None:
    configuration = read(tmp_path, "[bootstrap.content]\nsince = 2026-11-21T07:32:00Z\n")

    assert configuration.layout.content == {"since": "2026-11-21T07:32:00+00:00"}


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"\xef\xbb\xbf[server]\nhtpp_port = 1\n", (2, 1, "unknown-key")),
        (b"[server]\r\n# \xc3\xa9\r\nhtpp_port = 1\r\n", (3, 1, "unknown-key")),
        (b"# \xc3\xa9\n# \xc3\xa9 \xe9\n", (2, 5, "syntax")),
        (b"\xff", (1, 1, "syntax")),
    ],
    ids=["byte order mark", "lines of Windows", "not UTF-8", "not text"],
)
def test_places_are_right_in_any_encoding(data: bytes, place: tuple[int, int, str]) -> None:
    reading = read_layout(data, file="x", name="x", settings=ProvisionSettings(), is_whole=True)

    (problem,) = reading.problems
    assert (problem.line, problem.column, problem.code) == place


def test_every_error_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "layouts"
    folder.mkdir()
    folder.joinpath("first.toml").write_text("things = 1\n[[channels]]\n")
    folder.joinpath("second.toml").write_text("[")

    with pytest.raises(LayoutError) as refused:
        read(tmp_path, "[server]\nhttp_port = 0\n", layout_dir=str(folder))

    assert [problem.removeprefix(str(tmp_path)).split(" ")[0] for problem in
            refused.value.problems] == [
        "/config.toml:2:13:",
        "/layouts/first.toml:1:10:",
        "/layouts/first.toml:2:1:",
        "/layouts/second.toml:1:2:",
    ]  # fmt: skip


def test_the_folders_files_are_layouts_by_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "layouts"
    folder.mkdir()
    for name in ("small", "big site"):
        folder.joinpath(f"{name}.toml").write_text('[[channels]]\nname = "data"\n')
    folder.joinpath(".hidden.toml").write_text("[")
    folder.joinpath("notes.txt").write_text("[")

    configuration = read(tmp_path, "", layout_dir=str(folder))

    assert [layout.name for layout in configuration.layouts] == ["default", "big site", "small"]
    assert len({layout.version for layout in configuration.further}) == 1


def test_the_configuration_file_may_lie_in_the_folder(tmp_path: Path) -> None:
    configuration = read(tmp_path, "[server]\nport = 1\n", layout_dir=str(tmp_path))

    assert [layout.name for layout in configuration.layouts] == ["default"]
    assert configuration.warnings == ()


def test_flags_that_a_layout_of_the_folder_leaves_out_are_the_configuration_files(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "layouts"
    folder.mkdir()
    folder.joinpath("as-it-is.toml").write_text("")
    folder.joinpath("on.toml").write_text("[bootstrap]\nautowhite_list = true\n")

    configuration = read(tmp_path, "[bootstrap]\nautowhite_list = false\n", layout_dir=str(folder))

    assert [layout.whitelists for layout in configuration.layouts] == [False, False, True]


@pytest.mark.parametrize(
    ("name", "code"), [("default.toml", "reserved-name"), ("layout.toml/", "unreadable")]
)
def test_a_file_that_cannot_be_a_layout_is_refused(tmp_path: Path, name: str, code: str) -> None:
    folder = tmp_path / "layouts"
    folder.mkdir()
    if name.endswith("/"):
        folder.joinpath(name).mkdir()
    else:
        folder.joinpath(name).touch()

    with pytest.raises(LayoutError, match=rf"\[{code}\]"):
        read(tmp_path, "", layout_dir=str(folder))


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="is not a folder"):
        read(tmp_path, "", layout_dir=str(tmp_path / "missing"))


def test_a_version_is_of_what_a_layout_does_and_not_of_how_it_is_written(tmp_path: Path) -> None:
    first = read(tmp_path, '[[channels]]\nname = "a"\nmetadata = { x = 1, y = 2 }\n').layout
    same = read(
        tmp_path, '# again\nchannels = [{ metadata = { y = 2, x = 1 }, name = "a" }]'
    ).layout
    other = read(tmp_path, '[[channels]]\nname = "a"\nmetadata = { x = 1, y = 3 }\n').layout

    assert first.version == same.version
    assert len(first.version) == 12
    assert first.version != other.version


def test_a_reload_takes_everything_or_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "layouts"
    folder.mkdir()
    settings = ProvisionSettings(config_file=str(tmp_path / "none.toml"), layout_dir=str(folder))
    book = LayoutBook(
        read_configuration(settings).layouts, lambda: read_configuration(settings).layouts
    )
    folder.joinpath("good.toml").touch()
    folder.joinpath("bad.toml").write_text("things = 1\nchannels = 2\n")

    with capture_logs() as logs:
        book.reload()

    assert [log["event"] for log in logs] == ["layouts_not_reloaded"] * 2
    assert "bad.toml:2:12: error [wrong-type]" in logs[1]["problem"]
    with pytest.raises(UnknownLayout):
        book.get("good")

    folder.joinpath("bad.toml").unlink()
    book.reload()
    assert book.get("good").name == "good"
    assert book.get("").name == book.get("default").name == "default"
