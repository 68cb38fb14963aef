"""Settings: environment before file before default, and errors that name the variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.settings import ConfigurationError, load_settings


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("BAROGRAPH_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_environment_comes_before_the_file_and_options_before_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "barograph.toml").write_text("batch_max = 7\npartitions = 3\nworkers = 2\n")
    monkeypatch.setenv("BAROGRAPH_PARTITIONS", "5")
    monkeypatch.setenv("BAROGRAPH_WORKERS", "9")
    settings = load_settings(workers=4, device=None)
    assert (settings.batch_max, settings.partitions, settings.workers, settings.device) == (7, 5, 4, "auto")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PARTITIONS", "0", "BAROGRAPH_PARTITIONS='0': Input should be greater than or equal to 1"),
        ("DEVICE", "gpu", "BAROGRAPH_DEVICE='gpu': Input should be 'auto', 'cpu' or 'cuda'"),
        ("SESSION_TIMEOUT_S", "3", "BAROGRAPH_SESSION_TIMEOUT_S='3': .* greater than or equal to 6"),
        ("KAFKA_BOOTSTRAP", "localhost", "BAROGRAPH_KAFKA_BOOTSTRAP='localhost': .*host:port"),
        ("REDIS_URL", "localhost:6379", "BAROGRAPH_REDIS_URL='localhost:6379': .*redis://"),
        ("REDIS_URL", "redis://h:port/0", r"BAROGRAPH_REDIS_URL='redis://h:\(hidden\)': .*port is no number from 1"),
        ("REDIS_URL", "redis://h:70000/0", "BAROGRAPH_REDIS_URL='redis://h:70000/0': .*port is no number from 1"),
        ("REDIS_URL", "redis:///0", "BAROGRAPH_REDIS_URL='redis:///0': .*no host"),
        ("REDIS_URL", "redis://[::1", "BAROGRAPH_REDIS_URL=.*no host"),
        ("INGEST_HOST", "a..b", "BAROGRAPH_INGEST_HOST='a..b': .*name of this machine"),
        ("BATCH_MAX", "1025", "BAROGRAPH_BATCH_MAX='1025': Input should be less than or equal to 1024"),
        ("PARTITION", "8", "BAROGRAPH_PARTITION: no such setting; known are"),
        ("CONFIG", "absent.toml", "BAROGRAPH_CONFIG=absent.toml: no such file"),
    ],
)
def test_an_error_names_the_variable_its_value_and_what_it_takes(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(f"BAROGRAPH_{name}", value)
    with pytest.raises(ConfigurationError, match=words):
        load_settings()


def test_a_secret_is_never_part_of_an_error_or_of_the_settings_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAROGRAPH_INGEST_TOKEN", "hunter2")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("BAROGRAPH_INGEST_TOKEN", "hunter2-hunter2-hunter2")
    assert "hunter2" not in repr(load_settings())


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@h:port/0",
        "redis://me:hunter2@h:70000",
        "redis://:hun/hunter2@h:6379/0",
        "redis://h/hunter2@h:6379/0",
        "redis://:hunter2#x@h",
        "redis://:hunter2\N{FULLWIDTH NUMBER SIGN}@h",
        "redis://me:hunter2",
        "redis://:hunter2/0",
        "redis:/:hunter2@h:6379",
        "http://:hunter2@h:6379/0",
        "http://h:6379/0?password=hunter2",
        "me:hunter2@h:6379",
    ],
)
def test_the_password_of_a_store_is_never_part_of_an_error(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("BAROGRAPH_REDIS_URL", url)
    with pytest.raises(ConfigurationError, match="BAROGRAPH_REDIS_URL=") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_the_password_of_a_store_is_no_part_of_the_settings_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("redis://:hunter2@[::1]:6379/0", "rediss://me:hun%40ter2@h", "unix://me:hunter2@/run/redis.sock?db=1"):
        monkeypatch.setenv("BAROGRAPH_REDIS_URL", url)
        settings = load_settings()
        assert settings.redis_url == url
        assert "ter2" not in f"{settings!r} {settings}"


def test_a_file_with_an_unknown_name_or_broken_syntax_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "barograph.toml").write_text("batchmax = 7\n")
    with pytest.raises(ConfigurationError, match=r"batchmax: no such setting in barograph\.toml"):
        load_settings()
    (tmp_path / "barograph.toml").write_text("batch_max = \n")
    with pytest.raises(ConfigurationError, match=r"barograph\.toml: not a TOML file"):
        load_settings()
