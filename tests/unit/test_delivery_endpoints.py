"""endpoints.toml: what is taken, what is refused and in which words; secrets stay in."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from stream.delivery.endpoints import Loaded, load_endpoints, stamp_of
from stream.settings import ConfigurationError

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()
ENVIRON = {"DESK_SECRET": SECRET}


def load(path: Path, text: str, mode: int = 0o600) -> Loaded:
    path.write_text(text)
    path.chmod(mode)
    return load_endpoints(path, ENVIRON, required=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "endpoints.toml"


def test_a_good_file_is_read(path: Path) -> None:
    (path.parent / "desk.secret").write_text(f"{SECRET}\n{OTHER}\n")
    found = load(
        path,
        """
        [[endpoint]]
        name = "desk"
        url = "https://desk.example/hook"
        secret_env = "DESK_SECRET"

        [[endpoint]]
        name = "rotating"
        url = "http://10.0.0.7:8080/"
        secret_file = "desk.secret"
        allow_private = true
        enabled = false
        """,
        0o644,
    )
    desk, rotating = found.endpoints
    assert (desk.name, desk.url, desk.secrets, desk.enabled) == ("desk", "https://desk.example/hook", (SECRET,), True)
    assert (rotating.secrets, rotating.enabled, rotating.allow_private) == ((SECRET, OTHER), False, True)


def test_secrets_and_urls_are_not_shown(path: Path) -> None:
    text = f'[[endpoint]]\nname="desk"\nurl="https://desk.example/path-token"\nsecret="{SECRET}"'
    shown = repr(load(path, text))
    assert SECRET not in shown and "path-token" not in shown


def test_no_file_is_no_endpoints_unless_one_was_named(path: Path) -> None:
    assert load_endpoints(path, {}, required=False).endpoints == ()
    with pytest.raises(ConfigurationError, match="no such file"):
        load_endpoints(path, {}, required=True)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_secret_in_a_file_that_others_may_read_is_refused(path: Path, mode: int) -> None:
    text = f'[[endpoint]]\nname="desk"\nurl="https://desk.example/"\nsecret="{SECRET}"'
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load(path, text, mode)


GOOD = 'name="desk"\nurl="https://desk.example/"\nsecret_env="DESK_SECRET"'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[endpoint]", "is not TOML"),
        ("other = 1", "nothing but tables"),
        ("endpoint = 1", "nothing but tables"),
        ("endpoint = [1]", "nothing but tables"),
        ("[[endpoint]]\n" + GOOD + "\nnonsense=1", "nonsense: no such key; known are name"),
        ("[[endpoint]]\n" + GOOD + '\nenabled="yes"', "enabled: expected true or false"),
        ("[[endpoint]]\n" + GOOD.replace('"desk"', '"a b"'), "name: expected 1 to 60"),
        ("[[endpoint]]\n" + GOOD.replace('name="desk"\n', ""), "name: expected 1 to 60"),
        ("[[endpoint]]\n" + GOOD.replace("https", "http"), "allow_private = true"),
        ("[[endpoint]]\n" + GOOD.replace('secret_env="DESK_SECRET"', ""), "exactly one of secret_env"),
        ("[[endpoint]]\n" + GOOD + f'\nsecret="{SECRET}"', "exactly one of secret_env"),
        ("[[endpoint]]\n" + GOOD.replace("DESK_SECRET", "NOT_SET"), "'NOT_SET': is not set"),
        ("[[endpoint]]\n" + GOOD.replace("DESK_SECRET", "BAROGRAPH_DESK"), "are settings"),
        ("[[endpoint]]\n" + GOOD.replace('secret_env="DESK_SECRET"', 'secret_file="gone"'), "gone: No such file"),
        ("[[endpoint]]\n" + GOOD.replace('secret_env="DESK_SECRET"', 'secret="abc"'), "begins with whsec_"),
        ("[[endpoint]]\n" + GOOD.replace('secret_env="DESK_SECRET"', 'secret="whsec_c2hvcnQ="'), "24 to 64 bytes"),
        ("[[endpoint]]\n" + GOOD.replace('secret_env="DESK_SECRET"', 'secret="whsec_%%%"'), "is not base64"),
        ("[[endpoint]]\n" + GOOD.replace("desk.example", "10.0.0.5"), "a private address.*allow_private = true"),
        ("[[endpoint]]\n" + GOOD.replace("desk.example", "[::1]"), "a loopback address"),
        ("[[endpoint]]\n" + GOOD.replace("desk.example", "169.254.169.254"), "metadata"),
        ("[[endpoint]]\n" + GOOD.replace('secret_env="DESK_SECRET"', 'secret="no secret at all"'), "found 4 words"),
        (f"[[endpoint]]\n{GOOD}\n[[endpoint]]\n{GOOD}", "'desk' is given twice"),
        ("[[endpoint]]\n" * 101, "at most 100"),
    ],
)
def test_what_cannot_be_used_is_named(path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        load(path, text)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_change_of_any_of_its_files_changes_the_stamp(path: Path) -> None:
    secret = path.parent / "s"
    secret.write_text(SECRET)
    found = load(path, '[[endpoint]]\nname="desk"\nurl="https://desk.example/"\nsecret_file="s"')
    assert stamp_of(found.files) == found.stamp
    os.utime(secret, ns=(1, 1))
    assert stamp_of(found.files) != found.stamp
    secret.unlink()
    assert stamp_of(found.files) != found.stamp
