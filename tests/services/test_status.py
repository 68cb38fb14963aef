"""`barograph status`: incidents and webhooks beside the counts, and what is left out when a server is down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from stream.broker.topics import ensure_topics
from tests.services.incident_tools import detector, fired, resolved

ROOT = Path(__file__).parents[2]
DEAD = "127.0.0.1:1"


def status(home: Path, *words: str, **given: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BAROGRAPH_")}
    settings = {f"BAROGRAPH_{name}": value for name, value in given.items()}
    done = subprocess.run(
        [sys.executable, "-m", "stream.cli.main", "status", *words],
        env=kept | {"PYTHONPATH": str(ROOT), "BAROGRAPH_HOME": str(home)} | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_json(home: Path, **given: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(status(home, "--json", **given))
    return found


def test_open_incidents_and_deliveries_are_counted(
    tmp_path: Path, kafka_bootstrap: str, redis_url: str, run_id: str
) -> None:
    ensure_topics(kafka_bootstrap, 8, 1)
    given = {"KAFKA_BOOTSTRAP": kafka_bootstrap, "REDIS_URL": redis_url, "NAMESPACE": run_id}
    found = as_json(tmp_path, **given)
    assert (found["open_incidents"], found["deliveries"]) == (0, {"pending": 0, "delivered": 0, "dead": 0})
    one = detector(redis_url, run_id)
    try:
        one.commit(fired(0), fired(1))
        one.commit(resolved(0))
    finally:
        one.close()
    assert as_json(tmp_path, **given)["open_incidents"] == 1
    shown = [line.split() for line in status(tmp_path, **given).splitlines()]
    assert ["open", "incidents", "1"] in shown
    assert ["webhooks", "0", "pending,", "0", "delivered,", "0", "dead"] in shown


def test_a_store_that_is_down_leaves_its_figures_out_and_keeps_kafkas(tmp_path: Path, kafka_bootstrap: str) -> None:
    ensure_topics(kafka_bootstrap, 8, 1)
    given = {"KAFKA_BOOTSTRAP": kafka_bootstrap, "REDIS_URL": f"redis://:hunter2@{DEAD}/0"}
    found = as_json(tmp_path, **given)
    assert {found[name] for name in ("aggregated", "scored", "open_incidents", "deliveries", "lag")} == {None}
    assert found["received"] >= 0
    assert [DEAD in problem for problem in found["problems"]] == [True]
    assert "hunter2" not in json.dumps(found)
    assert ["webhooks", "–"] in [line.split() for line in status(tmp_path, **given).splitlines()]
