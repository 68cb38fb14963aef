"""One frozen Settings for every role: environment first, then a TOML file, then the defaults here."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

PREFIX = "BAROGRAPH_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
# Read elsewhere, and no settings of a role: where Kafka's jars are kept, where tests find real text.
OTHER_VARIABLES = (f"{PREFIX}CACHE", f"{PREFIX}DATA")
DEFAULT_CONFIG = Path("barograph.toml")

_SCHEME = re.compile(r"^[a-z]+:/+", re.IGNORECASE)
# In a URL that is not well-formed: a password may stand where the port belongs, or among the options.
_DOUBTFUL = re.compile(r"\?.*|:(?!\d{1,5}(?:/\d*)?\Z).*", re.DOTALL)

Port = Annotated[int, Field(ge=0, le=65535)]


class ConfigurationError(Exception):
    """A setting that cannot be used; the message names it, its value and what it takes."""


class Settings(BaseSettings):
    """What a user may set. Each field is `BAROGRAPH_<NAME>` in the environment, `<name>` in the TOML file."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    home: Annotated[Path, Field(description="folder for data, logs' state and up.json")] = Path("var")
    namespace: Annotated[
        str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", description="first part of every key in the store")
    ] = "live"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    kafka_bootstrap: Annotated[
        str | None,
        Field(
            pattern=r"^[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*$",
            description="host:port[,host:port…] of an existing Kafka; unset: an embedded one",
        ),
    ] = None
    redis_url: Annotated[
        str | None,
        Field(
            pattern=r"^(rediss?|unix)://\S+$",
            repr=False,
            description="redis://… of an existing Redis or Valkey; unset: an embedded one",
        ),
    ] = None
    partitions: Annotated[int, Field(ge=1, le=1024, description="partitions of topics when they are created")] = 8
    replication: Annotated[int, Field(ge=1, le=7, description="copies of each partition on created topics")] = 1

    workers: Annotated[int, Field(ge=1, le=256)] = 1
    worker_id: Annotated[
        str | None, Field(pattern=r"^[A-Za-z0-9._-]{1,60}$", description="stable id of one supervised worker")
    ] = None
    session_timeout_s: Annotated[float, Field(ge=6, le=300, description="Kafka refuses a group session under 6 s")] = (
        10.0
    )
    batch_max: Annotated[int, Field(ge=1, le=1024, description="documents scored at once")] = 64
    batch_wait_s: Annotated[float, Field(ge=0.001, le=5, description="how long a batch may fill")] = 0.05

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    model_path: Annotated[Path | None, Field(description="folder of weights; unset: those shipped")] = None

    ingest_host: str = "127.0.0.1"
    ingest_port: Annotated[Port, Field(description="0: a free one")] = 8088
    ingest_token: Annotated[SecretStr | None, Field(description="bearer token; unset: made at each `up`")] = None
    ingest_max_bytes: Annotated[int, Field(ge=1024, le=268435456, description="largest request body")] = 8_388_608
    ingest_max_documents: Annotated[int, Field(ge=1, le=100_000, description="most documents a request")] = 5_000
    ingest_rate_per_s: Annotated[float, Field(gt=0, description="documents a second a client may send")] = 5_000.0

    serve: Annotated[bool, Field(description="on or off: whether `up` reads texts on request")] = True
    serve_host: str = "127.0.0.1"
    serve_port: Annotated[Port, Field(description="0: a free one")] = 8089
    serve_threads: Annotated[int, Field(ge=1, le=256, description="cores for the model of `serve`")] = 1

    lateness_s: Annotated[
        float, Field(ge=0, le=3600, description="how long a window stays open for documents that come late")
    ] = 60.0
    false_alarms_per_week: Annotated[
        float, Field(ge=0.0001, le=10, description="alert budget: false alarms a series may make in a week")
    ] = 0.03
    correct_labels: Annotated[
        bool, Field(description="put negative shares right for the errors that were measured of the model")
    ] = False
    lease_s: Annotated[float, Field(ge=1, le=300, description="a detector silent for so long is replaced")] = 5.0
    endpoints_file: Annotated[
        Path | None, Field(description="TOML file of webhook endpoints; unset: endpoints.toml in the home")
    ] = None
    heartbeat_file: Annotated[
        Path | None, Field(description="file that a role touches while it makes progress, for whoever watches it")
    ] = None
    demo: Annotated[bool, Field(description="documents are invented: pages and webhooks say so")] = False
    public_url: Annotated[
        str | None,
        Field(pattern=r"^https?://[^\s/?#]+$", description="where people reach the dashboard, for links in webhooks"),
    ] = None

    archive: Annotated[bool, Field(description="on or off: whether `up` keeps all records as Parquet files")] = True
    archive_dir: Annotated[Path | None, Field(description="folder of the archive; unset: archive in the home")] = None
    archive_days: Annotated[int, Field(ge=1, le=36_500, description="days that are kept in the archive")] = 400
    archive_flush_s: Annotated[
        float, Field(ge=0.1, le=86_400, description="how long a record waits to be written to the archive")
    ] = 300.0

    dashboard_host: str = "127.0.0.1"
    dashboard_port: Annotated[Port, Field(description="0: a free one")] = 8501

    @property
    def archive_root(self) -> Path:
        """The folder of the archive."""
        return self.archive_dir or self.home / "archive"

    @field_validator("redis_url")
    @classmethod
    def _has_an_address(cls, value: str | None) -> str | None:
        try:
            parts = urlsplit(value or "redis://unset")
            found = parts.scheme == "unix" or (parts.hostname and (parts.port is None or parts.port > 0))
        except ValueError:  # its words may quote the password
            found = False
        if not found:
            raise ValueError("there is no host in it, or its port is no number from 1 to 65535")
        if "@" in parts.path + parts.query + parts.fragment:
            raise ValueError("in a user or password, / ? # @ are written %2F %3F %23 %40")
        return value

    @field_validator("ingest_host", "dashboard_host", "serve_host")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        try:
            value.encode("idna")
        except UnicodeError:
            raise ValueError("expected an address or a name of this machine") from None
        return value

    @field_validator("ingest_token")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 16:
            raise ValueError("a token has at least 16 characters")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=config_file())


def config_file() -> Path | None:
    """Return the TOML file to read: `BAROGRAPH_CONFIG`, else `./barograph.toml` where it exists."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise ConfigurationError(f"{CONFIG_VARIABLE}={named}: no such file; expected a TOML file of settings")
        return Path(named)
    return DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None


def load_settings(**overrides: Any) -> Settings:
    """Return the settings in force; command-line options come in as overrides, None meaning not given.

    Raises:
        ConfigurationError: one line for each value that cannot be used.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE, *OTHER_VARIABLES}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise ConfigurationError(f"{', '.join(unknown)}: no such setting; known are {', '.join(sorted(known))}")
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as exc:
        raise ConfigurationError("\n".join(_explain(error) for error in exc.errors())) from None
    except ValueError as exc:  # a TOML file that is not TOML
        raise ConfigurationError(f"{config_file()}: not a TOML file: {exc}") from None


def _explain(error: Any) -> str:
    name = str(error["loc"][0]) if error["loc"] else "settings"
    field = Settings.model_fields.get(name)
    if field is None:
        return f"{name}: no such setting in {config_file()}; known are {', '.join(sorted(Settings.model_fields))}"
    secret = "token" in name or "secret" in name or "password" in name
    value = "(hidden)" if secret else repr(_without_password(error.get("input")))
    note = f" ({field.description})" if field.description else ""
    return f"{PREFIX}{name.upper()}={value}: {error['msg'].removeprefix('Value error, ')}{note}"


def _without_password(value: Any) -> Any:
    """Return what looks like a URL without its user, password and options; anything else as it is."""
    found = _SCHEME.match(value) if isinstance(value, str) else None
    if not isinstance(value, str) or not (found or "@" in value):
        return value
    start = found.end() if found else 0
    _, at, place = value[start:].rpartition("@")
    return value[:start] + ("(hidden)@" if at else "") + _DOUBTFUL.sub(":(hidden)", place)
