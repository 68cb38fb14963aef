"""docker-compose.yml as the tests read it: merged, interpolated, and its services in the order in which they start."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
COMPOSE_FILE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}")


class MissingVariable(Exception):
    """A required variable is not set; the message is what Compose shows."""


def load() -> dict[str, Any]:
    """Return the file with its anchors merged, variables as they stand."""
    found: dict[str, Any] = YAML(typ="safe").load(COMPOSE_FILE)
    return found


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """Return the value with `${NAME}`, `${NAME:-default}` and `${NAME:?message}` filled in, as Compose does it."""
    if isinstance(value, dict):
        return {key: interpolated(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolated(item, variables) for item in value]
    if not isinstance(value, str):
        return value

    def filled(match: re.Match[str]) -> str:
        name, operator, rest = match.groups()
        if variables.get(name):
            return variables[name]
        if operator == ":?":
            raise MissingVariable(f"required variable {name} is missing a value: {rest}")
        return rest or ""

    return _VARIABLE.sub(filled, value)


def ours(services: Mapping[str, Any]) -> list[str]:
    """Return the services that run our image, each after those it depends on."""
    waiting = {name: set(service.get("depends_on", {})) for name, service in services.items()}
    order: list[str] = []
    while waiting:
        ready = [name for name, after in waiting.items() if not after & set(waiting)]
        assert ready, f"services wait for each other: {sorted(waiting)}"
        order += ready
        for name in ready:
            del waiting[name]
    return [name for name in order if "build" in services[name]]
