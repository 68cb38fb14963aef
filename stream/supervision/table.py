"""The table of roles of `barograph up`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from stream.broker import embedded as kafka_parts
from stream.settings import PREFIX, Settings
from stream.store import embedded as valkey_parts
from stream.supervision.demo import FEED, RECEIVER, demo_roles, demo_variables
from stream.supervision.places import Places, reachable
from stream.supervision.roles import Answers, Role, Says, http_ok, redis_pong

# -P: a folder `model` or `dashboard` where the user stands must not hide ours.
CLI = (sys.executable, "-P", "-m", "stream.cli.main")
WORKER_READY = "worker ready"
DETECTOR_READY = "detector ready"
NOTIFIER_READY = "notifier ready"
ARCHIVE_READY = "archive ready"
# What a server of other people's making gets to see of our environment: no settings, no tokens.
SERVER_VARIABLES = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH")


def server_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of Kafka and Valkey."""
    # The locale decides whether Java can name files outside ASCII.
    return {name: environ[name] for name in SERVER_VARIABLES if name in environ} | {"LC_ALL": "C.UTF-8"}


def kafka_role(kafka: kafka_parts.EmbeddedKafka, environ: Mapping[str, str]) -> Role:
    """Return the embedded broker's role; `stream.broker.embedded.prepare` comes before it."""
    return Role(
        name="kafka",
        command=kafka_parts.server_command(kafka),
        ready=Answers(kafka.port),
        environment=server_environment(environ),
        folder=kafka.folder,
        death=signal.SIGTERM,
        grace_s=5.0,
        essential=True,
    )


def valkey_role(valkey: valkey_parts.EmbeddedValkey, environ: Mapping[str, str]) -> Role:
    """Return the embedded store's role; its folder must exist."""
    return Role(
        name="redis",
        command=valkey_parts.server_command(valkey),
        ready=redis_pong(valkey.port),
        environment=server_environment(environ),
        folder=valkey.folder,
        death=signal.SIGTERM,
        grace_s=5.0,
        # A large append-only file takes its time to load.
        ready_within_s=900.0,
        essential=True,
    )


def application_environment(settings: Settings, places: Places, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of this product's own roles: the caller's, with the addresses of this run."""
    ours = {
        "HOME": str(places.data.absolute()),
        "KAFKA_BOOTSTRAP": places.kafka,
        "REDIS_URL": places.redis,
        "DASHBOARD_PORT": str(places.dashboard_port),
        "INGEST_PORT": str(places.ingest_port),
        "INGEST_TOKEN": places.token,
        "SERVE": str(places.serve_port != 0).lower(),
        "SERVE_PORT": str(places.serve_port),
        "WORKERS": str(settings.workers),
    }
    if places.demo is not None:
        ours |= demo_variables(places.demo)
        # What is invented is never kept among a user's own.
        ours["ARCHIVE_DIR"] = str(places.data.absolute() / "archive")
        if settings.public_url is None:
            ours["PUBLIC_URL"] = places.urls["dashboard"]
    return {**environ, **{PREFIX + name: value for name, value in ours.items()}, "PYTHONUNBUFFERED": "1"}


def application_roles(
    settings: Settings, places: Places, environ: Mapping[str, str], cli: Sequence[str] = CLI
) -> list[Role]:
    """Return the product's own roles; they run where `up` does, since settings may name relative paths."""
    environment = application_environment(settings, places, environ)
    workers = [
        Role(
            name=f"worker-{n}",
            command=(*cli, "worker"),
            ready=Says(WORKER_READY),
            environment=environment | {f"{PREFIX}WORKER_ID": f"worker-{n}"},
            folder=Path.cwd(),
            after=("kafka", "redis"),
        )
        for n in range(1, settings.workers + 1)
    ]
    dashboard = Role(
        name="dashboard",
        command=(*cli, "dashboard"),
        ready=http_ok(places.dashboard_port, "/_stcore/health", _bare(places.dashboard_host)),
        environment=environment,
        folder=Path.cwd(),
        after=("kafka", "redis"),
        grace_s=5.0,
    )
    ingest = Role(
        name="ingest",
        command=(*cli, "ingest", "http"),
        ready=http_ok(places.ingest_port, "/healthz", _bare(places.ingest_host)),
        environment=environment,
        folder=Path.cwd(),
        after=("kafka", "redis"),
        # It gives requests in flight 11 s, then closes its producer.
        grace_s=13.0,
    )
    detector = Role(
        name="detector",
        command=(*cli, "detector"),
        ready=Says(DETECTOR_READY),
        environment=environment,
        folder=Path.cwd(),
        # It learns what is normal from what is there when it starts.
        after=("kafka", "redis", FEED),
    )
    notify = Role(
        name="notify",
        command=(*cli, "notify"),
        ready=Says(NOTIFIER_READY),
        environment=environment,
        folder=Path.cwd(),
        after=("kafka", "redis", RECEIVER),
    )
    archive = Role(
        name="archive",
        command=(*cli, "archive"),
        ready=Says(ARCHIVE_READY),
        environment=environment,
        folder=Path.cwd(),
        after=("kafka",),
        # It writes what it holds.
        grace_s=15.0,
    )
    serve = Role(
        name="serve",
        command=(*cli, "serve"),
        ready=http_ok(places.serve_port, "/healthz", _bare(places.serve_host)),
        environment=environment,
        folder=Path.cwd(),
        after=("kafka", "redis"),
        # It gives requests in flight 5 s.
        grace_s=7.0,
    )
    names = [worker.name for worker in workers]
    feed = [] if places.demo is None else demo_roles(places.demo, cli, environment, settings.home, names)
    kept = [archive] if settings.archive else []
    asked = [serve] if places.serve_port else []
    return [*workers, dashboard, ingest, *feed, detector, notify, *kept, *asked]


def _bare(host: str) -> str:
    return reachable(host).strip("[]")
