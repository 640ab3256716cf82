from pathlib import Path

import pytest

from app.errors import BadSetting
from app.settings import read_service_settings, read_settings, seconds, unknown_settings


@pytest.fixture(autouse=True)
def nowhere(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a `.env` file."""
    monkeypatch.chdir(str(tmp_path))


@pytest.mark.parametrize("address", ["127.0.0.1:7070", "127.9.9.9:1", "localhost:7070", "[::1]:7070"])
def test_within_this_machine_an_unconfirmed_ori_will_do(address: str) -> None:
    """Nothing can leave it."""
    assert read_settings(channel="tcp", switch_address=address).generic_ori_allowed


@pytest.mark.parametrize("address", ["10.0.0.7:7070", "127.example.org:7070", "localhost.example.org:1", "[fe80::1]:7070"])
def test_beyond_this_machine_an_ori_must_be_confirmed(address: str) -> None:
    """Whatever its name looks like; unless somebody says otherwise, which holds for every channel."""
    assert not read_settings(channel="tcp", switch_address=address).generic_ori_allowed
    assert read_settings(channel="tcp", switch_address=address, allow_generic_ori=True).generic_ori_allowed
    assert not read_settings(channel="spool", allow_generic_ori=False).generic_ori_allowed
    assert read_settings(channel="spool", switch_address=address).generic_ori_allowed


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them at once, and no value is repeated."""
    monkeypatch.setenv("LENS_WINDOW", "many")
    monkeypatch.setenv("LENS_LEASE", "10 seconds")
    monkeypatch.setenv("LENS_BOOTSTRAP_KEY", "secret")
    with pytest.raises(BadSetting) as bad:
        read_settings()
    assert [line.split(":")[0] for line in bad.value.detail.splitlines()] == ["LENS_BOOTSTRAP_KEY", "LENS_LEASE", "LENS_WINDOW"]
    assert "secret" not in bad.value.detail


def test_what_looks_like_a_setting_and_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the environment and in `.env`, whatever else is there; nothing that belongs to others is named."""
    assert unknown_settings() == []
    monkeypatch.setenv("LENS_WINDWO", "3")
    monkeypatch.setenv("LENS_LEASE", "10s")
    Path(".env").write_text("# LENS_COMMENT=1\nexport LENS_CHANEL = tcp\nLENS_RATE=5\nOTHER=1\n")
    assert unknown_settings() == ["LENS_CHANEL", "LENS_WINDWO"]


@pytest.mark.parametrize(
    "given", [{"channel": "tcp", "switch_address": "switch"}, {"encryption_key": "k"}, {"surge_floor": 0}, {"lane_rate": 0}]
)
def test_what_cannot_be_used_stops_the_start(given: dict[str, object]) -> None:
    """An address without a port, a key that would do nothing, a floor or a rate of nothing."""
    with pytest.raises(BadSetting, match="LENS_"):
        read_settings(**given)


@pytest.mark.parametrize(
    ("text", "wanted"), [("500ms", 0.5), ("2s", 2), ("15m", 900), ("1h", 3600), ("2d", 172_800), ("1.5h", 5400), (7, 7)]
)
def test_durations_are_read_as_people_write_them(text: object, wanted: float) -> None:
    """In seconds; a number without a unit comes from the program itself."""
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "10", "10 s", "1w", "-1s", "s", "999999d", True])
def test_what_is_no_duration_is_refused(text: object) -> None:
    """A number without a unit could be of any."""
    with pytest.raises(ValueError, match="a duration is"):
        seconds(text)


def test_a_file_in_a_folder_speaks_to_a_service_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other command run in that folder keeps to the environment; so does a service where both say something."""
    Path(".env").write_text("LENS_WINDOW=3\nLENS_LEASE=3s\nLENS_RULEBOOK_TRUSTED_KEYS=/planted\n")
    monkeypatch.setenv("LENS_LEASE", "5s")
    service, command = read_service_settings(), read_settings()
    assert (service.window, service.lease, service.rulebook_trusted_keys) == (3, 5.0, Path("/planted"))
    assert (command.window, command.lease, command.rulebook_trusted_keys) == (16, 5.0, None)
