"""endpoints.toml: who is told. Read whole or refused whole; secrets are never shown, not even by repr."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from stream.core.addresses import refusal
from stream.delivery.signing import check_secret
from stream.settings import PREFIX, ConfigurationError

FILE_NAME: Final = "endpoints.toml"
MOST_ENDPOINTS: Final = 100
MOST_SECRET_BYTES: Final = 4_096
MOST_SECRETS: Final = 3
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_SECRET_KEYS: Final = ("secret_env", "secret_file", "secret")
_KEYS: Final = {"name": str, "url": str, "allow_private": bool, "enabled": bool} | dict.fromkeys(_SECRET_KEYS, str)

Stamp = tuple[tuple[str, int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One receiver.

    Attributes:
        url: https, or http too where `allow_private`; it may itself be a secret, so it is never shown.
        secrets: one, or several while one is rotated.
        allow_private: it may be in a private network or on this machine, and be spoken to in plain http.
    """

    name: str
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    allow_private: bool = False
    enabled: bool = True

    @property
    def host(self) -> str:
        """Return what may be shown of the URL."""
        return urlsplit(self.url).hostname or ""

    @property
    def url_mark(self) -> str:
        """Return what tells this URL from another without giving it away: 16 hexadecimal digits."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file said, and the state of all files that were read for it."""

    endpoints: tuple[Endpoint, ...]
    files: tuple[Path, ...]
    stamp: Stamp


def load_endpoints(path: Path, environ: Mapping[str, str], *, required: bool) -> Loaded:
    """Read the file and what it names.

    Args:
        required: whether a file that is not there is an error; otherwise it means no endpoints.

    Raises:
        ConfigurationError: it cannot be used; the message names file, endpoint, what is wrong and what is taken.
    """
    before = stamp_of([path])
    try:
        tables = _tables(path)
    except FileNotFoundError:
        if required:
            raise ConfigurationError(f"{path}: there is no such file of endpoints") from None
        return Loaded((), (path,), before)
    files = [path]
    endpoints = []
    for number, table in enumerate(tables, 1):
        where = f"{path}: endpoint {table.get('name', number)!r}"
        endpoints.append(_endpoint(table, where, path, environ, files))
    names = [endpoint.name for endpoint in endpoints]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(f"{path}: the name {twice[0]!r} is given twice; each endpoint has a name of its own")
    return Loaded(tuple(endpoints), tuple(files), before + stamp_of(files[1:]))


def stamp_of(files: Iterable[Path]) -> Stamp:
    """Return what changes when a file does; None in it for one that is not there."""
    return tuple(_stamp(path) for path in files)


def _stamp(path: Path) -> tuple[str, int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return str(path), found.st_mtime_ns, found.st_size, found.st_ino


def _tables(path: Path) -> list[dict[str, Any]]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise ConfigurationError(f"{path}: cannot be read: {exc.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as exc:
        raise ConfigurationError(f"{path}: is not TOML: {exc}") from None
    tables = found.pop("endpoint", [])
    if found or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigurationError(f"{path}: expected nothing but tables [[endpoint]]")
    if len(tables) > MOST_ENDPOINTS:
        raise ConfigurationError(f"{path}: {len(tables)} endpoints; at most {MOST_ENDPOINTS} are taken")
    return tables


def _endpoint(
    table: Mapping[str, Any], where: str, path: Path, environ: Mapping[str, str], files: list[Path]
) -> Endpoint:
    for key, value in table.items():
        if key not in _KEYS:
            raise ConfigurationError(f"{where}: {key}: no such key; known are {', '.join(_KEYS)}")
        if not isinstance(value, _KEYS[key]):
            raise ConfigurationError(f"{where}: {key}: expected {'true or false' if _KEYS[key] is bool else 'a text'}")
    name = table.get("name", "")
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{where}: name: expected 1 to 60 letters, digits, dots, hyphens or underscores")
    allow_private = table.get("allow_private", False)
    problem = url_problem(table.get("url", ""), allow_private=allow_private)
    if problem:
        raise ConfigurationError(f"{where}: url: {problem}")
    secrets = _secrets(table, where, path, environ, files)
    return Endpoint(name, table["url"], secrets, allow_private, table.get("enabled", True))


def url_problem(url: str, *, allow_private: bool) -> str | None:
    """Return what is wrong with a URL, without quoting it; None where nothing is."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        httpx.URL(url)  # whose opinion counts when it is sent
    except (ValueError, httpx.InvalidURL):
        return "is not well-formed"
    if any(c.isspace() or not c.isprintable() for c in url) or not host or port == 0:
        return "expected https://host[:port]/path"
    if parts.scheme not in ("https", "http"):
        return "expected https://…"
    if parts.scheme == "http" and not allow_private:
        return "plain http is taken only with allow_private = true, for a receiver in your own network"
    if "@" in parts.netloc or parts.fragment:
        return "takes no user, password or fragment"
    return _address_problem(host, allow_private=allow_private)


def _address_problem(host: str, *, allow_private: bool) -> str | None:
    """Return what is wrong with a host that is an address; what a name stands for is looked up when it is sent."""
    try:
        why = refusal(host, allow_private=allow_private)
    except ValueError:
        return None
    hint = "" if allow_private else "; allow_private = true opens private networks and this machine"
    return f"the host is {why}: nothing is sent there{hint}" if why else None


def _secrets(
    table: Mapping[str, Any], where: str, path: Path, environ: Mapping[str, str], files: list[Path]
) -> tuple[str, ...]:
    given = [key for key in _SECRET_KEYS if key in table]
    if len(given) != 1:
        raise ConfigurationError(f"{where}: expected exactly one of {', '.join(_SECRET_KEYS)}")
    key, value = given[0], str(table[given[0]])
    if key == "secret_env":
        if value.startswith(PREFIX) or value not in environ:
            why = f"names beginning with {PREFIX} are settings" if value.startswith(PREFIX) else "is not set"
            raise ConfigurationError(f"{where}: secret_env: the environment variable {value!r}: {why}")
        text = environ[value]
    elif key == "secret_file":
        file = path.parent / value
        files.append(file)
        text = read_secret_file(file, f"{where}: secret_file")
    else:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(
                f"{where}: secret: others may read this file; `chmod 600 {path}`, or use secret_file or secret_env"
            )
        text = value
    return checked_secrets(text, f"{where}: {key}")


def read_secret_file(file: Path, where: str) -> str:
    """Return the text of a small file that holds a secret; ConfigurationError names it."""
    try:
        with file.open("rb") as opened:
            text = opened.read(MOST_SECRET_BYTES + 1).decode("ascii")
    except OSError as exc:
        raise ConfigurationError(f"{where}: {file}: {exc.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{where}: {file}: is not ASCII text") from None
    return text[:MOST_SECRET_BYTES]


def checked_secrets(text: str, where: str) -> tuple[str, ...]:
    """Return the secrets in a text, separated by white space; ConfigurationError never quotes one."""
    secrets = tuple(text.split())
    if not 1 <= len(secrets) <= MOST_SECRETS:
        raise ConfigurationError(
            f"{where}: expected a secret, whsec_…, or {MOST_SECRETS} while one is rotated; found {len(secrets)} words"
        )
    for secret in secrets:
        try:
            check_secret(secret)
        except ValueError as exc:
            raise ConfigurationError(f"{where}: {exc}; `openssl rand -base64 32` makes what follows whsec_") from None
    return secrets
