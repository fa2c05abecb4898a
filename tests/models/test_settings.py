"""Settings are read once, and a bad one is refused by name, without its secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagfleet.models.errors import BadSetting
from tagfleet.models.settings import SETTINGS, Settings, masked, read_env_file, unknown_variables


def test_without_any_variable_the_embedded_mode_is_meant() -> None:
    settings = Settings.from_environ({})
    assert (settings.amqp_url, settings.mongodb_url, settings.staging_url) == (None, None, None)
    assert settings.data == Path(".tagfleet").absolute()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TAGFLEET_AMQP_URL", "http://rabbit"),
        ("TAGFLEET_AMQP_URL", "amqp://rabbit:port"),
        ("TAGFLEET_MONGODB_URL", "localhost:27017"),
        ("TAGFLEET_STAGING_URL", "ftp://x/y"),
        ("TAGFLEET_STAGING_URL", "s3://"),
        ("TAGFLEET_LOG", "xml"),
        ("TAGFLEET_LEASE_SECONDS", "soon"),
        ("TAGFLEET_LEASE_SECONDS", "nan"),
        ("TAGFLEET_LOOK_AHEAD", "251"),
        ("TAGFLEET_METRICS_BIND", "9191"),
        ("TAGFLEET_METRICS_BIND", "host:99999"),
    ],
)
def test_a_bad_value_is_refused_with_its_variable_and_what_is_expected(
    variable: str, value: str
) -> None:
    with pytest.raises(BadSetting) as raised:
        Settings.from_environ({variable: value})
    assert variable in str(raised.value)
    assert raised.value.expected in str(raised.value)
    assert raised.value.exit_code == 2


def test_a_password_in_a_refused_address_is_not_repeated() -> None:
    with pytest.raises(BadSetting) as raised:
        Settings.from_environ({"TAGFLEET_AMQP_URL": "https://fleet:secret@rabbit/"})
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("amqp://fleet:s3cret@rabbit:5672/v", "amqp://fleet:***@rabbit:5672/v"),
        ("mongodb://u:p%40ss@a:1,b:2/db?x=1", "mongodb://u:***@a:1,b:2/db?x=1"),
        ("amqp://rabbit/", "amqp://rabbit/"),
        ("amqp://u:p@[bad/", "amqp://u:***@[bad/"),
        ("amqp://u:pa/s?s@h:5672", "amqp://u:***@h:5672"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, expected: str) -> None:
    assert masked(url) == expected


def test_a_misspelt_variable_is_found() -> None:
    assert unknown_variables({"TAGFLEET_AMPQ_URL": "x", "PATH": "y", "TAGFLEET_LOG": "json"}) == [
        "TAGFLEET_AMPQ_URL"
    ]


def test_an_env_file_is_read_with_quotes_and_comments(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text('# fleet\nexport TAGFLEET_LOG="json"\nTAGFLEET_DATA=/x y\n\n')
    assert read_env_file(file) == {"TAGFLEET_LOG": "json", "TAGFLEET_DATA": "/x y"}


def test_the_environment_goes_before_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("TAGFLEET_LOG=json\nTAGFLEET_LOG_LEVEL=ERROR\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAGFLEET_LOG_LEVEL", "DEBUG")
    settings = Settings.from_environ()
    assert (settings.log, settings.log_level) == ("json", "DEBUG")


def test_every_setting_has_a_field_and_a_variable_of_its_own() -> None:
    assert set(SETTINGS) == set(Settings.__dataclass_fields__)
    assert len({setting.variable for setting in SETTINGS.values()}) == len(SETTINGS)


def test_with_events_of_emr_clusters_are_swept_slowly() -> None:
    polling = Settings.from_environ({})
    urls = "https://sqs.us-east-1.amazonaws.com/1/emr, https://sqs.eu-west-1.amazonaws.com/1/emr"
    listening = Settings.from_environ({"TAGFLEET_EMR_EVENTS_URL": urls})
    assert (polling.emr_events_url, polling.pause_between_sweeps) == ((), 15)
    assert listening.emr_events_url == tuple(urls.split(", "))
    assert (listening.sweep_seconds, listening.pause_between_sweeps) == (15, 900)


@pytest.mark.parametrize(
    "url", ["emr-events", "arn:aws:sqs:us-east-1:1:emr", "https://sqs/", "https://a:b/c/d"]
)
def test_what_is_no_address_of_a_queue_is_refused(url: str) -> None:
    with pytest.raises(BadSetting, match="TAGFLEET_EMR_EVENTS_URL"):
        Settings.from_environ({"TAGFLEET_EMR_EVENTS_URL": url})
