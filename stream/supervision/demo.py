"""The demonstration of `barograph up`: its folder, its roles, its receiver of webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stream.delivery.signing import make_secret
from stream.private_file import write_private
from stream.settings import PREFIX, ConfigurationError, Settings
from stream.supervision import ports
from stream.supervision.lock import HomeError
from stream.supervision.roles import Role, Says

FEED: Final = "demo"
RECEIVER: Final = "receiver"
FEED_READY: Final = "demo feed ready"
RECEIVER_READY: Final = "receiver ready"
CRISIS_AFTER_S: Final = 90


@dataclass(frozen=True)
class Demo:
    """What the demonstration adds to an `up`.

    Attributes:
        folder: its data; invented text is never counted among a user's own.
        endpoints: the file of webhook endpoints.
        receiver_port: of the receiver on the loopback; None where the user named endpoints of their own.
    """

    folder: Path
    endpoints: Path
    receiver_port: int | None

    @property
    def secret(self) -> Path:
        """The file with the secret that the receiver's messages are signed with."""
        return self.folder / "receiver.secret"


def demo_folder(home: Path) -> Path:
    """Return where the data of the demonstration lie."""
    return home / "demo"


def refuse_servers(settings: Settings) -> None:
    """Raise ConfigurationError where the user named servers of their own: nothing invented goes there."""
    given = [name for name in ("kafka_bootstrap", "redis_url") if getattr(settings, name) is not None]
    if given:
        names = " and ".join(PREFIX + name.upper() for name in given)
        raise ConfigurationError(
            f"--feed demo runs servers of its own, and {names} {'is' if len(given) == 1 else 'are'} set: invented "
            "documents never go to servers of yours; unset, or leave --feed demo out"
        )


def choose_demo(settings: Settings, taken: set[int]) -> Demo:
    """Return the places of the demonstration: a free port for its receiver, or the endpoints that the user named."""
    folder = demo_folder(settings.home)
    if settings.endpoints_file is not None:
        return Demo(folder, settings.endpoints_file, None)
    return Demo(folder, folder / "endpoints.toml", ports.choose([], taken))


def prepare_demo(demo: Demo) -> None:
    """Make the folder, a new secret and the file of endpoints; forget the crisis of the run before.

    Raises:
        HomeError: something of it cannot be written.
    """
    from stream.sources.demo.begun import forget_crisis

    try:
        demo.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        forget_crisis(demo.folder)
        if demo.receiver_port is None:
            return
        write_private(demo.secret, make_secret() + "\n")
        write_private(
            demo.endpoints,
            "# Written anew at each `barograph up --feed demo`.\n"
            "[[endpoint]]\n"
            'name = "demo-receiver"\n'
            f'url = "http://127.0.0.1:{demo.receiver_port}/"\n'
            f'secret_file = "{demo.secret.name}"\n'
            "allow_private = true\n",
        )
    except OSError as exc:
        raise HomeError(f"{demo.folder}: {exc.strerror or exc}; expected a folder that can be written") from exc


def demo_variables(demo: Demo) -> dict[str, str]:
    """Return the settings of all roles, by name without the prefix."""
    return {"DEMO": "1", "ENDPOINTS_FILE": str(demo.endpoints)}


def demo_roles(
    demo: Demo, cli: Sequence[str], environment: Mapping[str, str], up_home: Path, workers: Sequence[str]
) -> list[Role]:
    """Return the feed, which needs the workers to count its history, and the receiver, where there is one."""
    feed = Role(
        name=FEED,
        command=(*cli, "ingest", "demo", "--crisis-after", str(CRISIS_AFTER_S), "--up", str(up_home)),
        ready=Says(FEED_READY),
        environment=environment,
        folder=Path.cwd(),
        after=("kafka", "redis", *workers),
        # It gives what it sent last 10 s to be confirmed.
        grace_s=13.0,
        # Some thousand documents are scored first, by whatever processor there is.
        ready_within_s=1_800.0,
    )
    if demo.receiver_port is None:
        return [feed]
    receiver = Role(
        name=RECEIVER,
        command=(*cli, "receive", "--port", str(demo.receiver_port), "--secret-file", str(demo.secret)),
        ready=Says(RECEIVER_READY),
        environment=environment,
        folder=Path.cwd(),
    )
    return [feed, receiver]


def about_demo() -> str:
    """Return what a person has to know before they believe anything on the screen."""
    from stream.sources.demo.words import CRISIS_TICKER, companies

    company = next(company for company in companies() if company.ticker == CRISIS_TICKER)
    return (
        "DEMONSTRATION: every document here is invented, and so is every company, source and person in it.\n"
        f"In {CRISIS_AFTER_S} s one company, {company.en} ({company.ticker}), gets into a crisis for nine minutes."
    )
