"""The running system and what it was told, judged: values in, findings out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from stream.doctor.findings import Finding, fine, problem, warning
from stream.listening import is_loopback

TOKEN_WISHED: Final = 24
MUCH_LAG: Final = 10_000


def judge_settings(errors: Sequence[str], given: Sequence[str], file: str | None) -> list[Finding]:
    """Judge the settings: one finding an error; else what was given, by name, and the file that was read."""
    if errors:
        return [_wrong_setting(error) for error in errors]
    where = f", {file}" if file else ""
    return [fine("settings", f"{', '.join(given) or 'all at their defaults'}{where}")]


def _wrong_setting(error: str) -> Finding:
    said, unknown, known = error.partition("; known are ")
    if not unknown:
        return problem("settings", said, "correct it in the environment or in barograph.toml")
    name = said.partition(":")[0]
    like = get_close_matches(name, known.split(", "), 1)
    return problem("settings", said, f"perhaps {like[0]} is meant" if like else "remove it; README.md lists settings")


def judge_port(role: str, host: str, port: int, state: str) -> Finding:
    """Judge where a role listens.

    Args:
        state: `free`; `ours` where the role itself answers there; `taken`; or why nothing can listen there.
    """
    about, variable = f"port of {role}", f"BAROGRAPH_{role.upper()}"
    if port == 0:
        return fine(about, "any that is free")
    place = f"{host}:{port}"
    if state in ("free", "ours"):
        return fine(about, f"{place}, {'free' if state == 'free' else f'our {role} answers there'}")
    if state == "taken":
        mend = f"set {variable}_PORT to a free one, or end that program; `barograph up` takes another by itself"
        return warning(about, f"{place} is taken by another program, or not allowed", mend)
    return problem(about, f"{place}: {state}", f"set {variable}_HOST to an address of this machine")


def judge_exposure(role: str, host: str, risk: str) -> Finding:
    """Judge who can reach a role; `risk` says what that would mean."""
    about = f"reach of {role}"
    if is_loopback(host):
        return fine(about, "this machine only")
    mend = f"let only a TLS proxy with a login reach it, or set BAROGRAPH_{role.upper()}_HOST=127.0.0.1"
    return warning(about, f"listens on {host}, beyond this machine: {risk}", mend)


def judge_token(length: int | None, *, made_by_up: bool) -> Finding:
    """Judge the ingest token by its length; None where none is set."""
    about = "ingest token"
    if length is None and made_by_up:
        return fine(about, "made at each `barograph up`; it stands in up.json")
    mend = "BAROGRAPH_INGEST_TOKEN from python3 -c 'import secrets; print(secrets.token_urlsafe(24))'"
    if length is None:
        return warning(about, "none is set here: `barograph ingest http` will not start", mend)
    if length < TOKEN_WISHED:
        return warning(about, f"{length} characters can be guessed sooner than {TOKEN_WISHED}", mend)
    return fine(about, f"{length} characters")


def judge_endpoints(path: str, enabled: int | None, mode: int | None, trouble: str | None) -> Finding:
    """Judge the file of webhook endpoints.

    Args:
        enabled: how many are; None where there is no file.
        mode: its permission bits.
        trouble: why it cannot be used.
    """
    about = "webhooks"
    if trouble is not None:
        return problem(about, trouble, "correct that; until then a notifier does not start, or keeps what it had")
    if enabled is None:
        return fine(about, f"no {path}: nobody is told by webhook")
    if mode is not None and mode & 0o022:
        said = f"{path}: others can change who is told (mode {mode:04o})"
        return warning(about, said, f"chmod go-w {path}")
    return fine(about, f"{enabled} endpoint{'s' if enabled != 1 else ''} in {path}")


def judge_roles(alive: Mapping[str, bool]) -> list[Finding]:
    """Judge the processes of `barograph up`, by name; empty where it does not run here."""
    down = [role for role, runs in alive.items() if not runs]
    if down:
        mend = "`barograph up` starts it again by itself; its lines there say why it ended"
        return [problem("roles", f"not running: {', '.join(down)}", mend)]
    return [fine("roles", ", ".join(alive))] if alive else []


def judge_lag(lag: int | None, age_s: float | None) -> Finding | None:
    """Judge the records that wait; `age_s` is the time since the newest applied was received."""
    if lag is None:
        return None
    if lag >= MUCH_LAG:
        age = "" if age_s is None else f", the newest counted came {age_s:,.0f} s ago"
        mend = "more workers (BAROGRAPH_WORKERS, or --scale worker=4), a GPU, or patience after a backfill"
        return warning("lag", f"{lag:,} records wait{age}", mend)
    return fine("lag", f"{lag:,} records wait")


def judge_detector(holder: str | None) -> Finding:
    """Judge who decides; None where nobody holds the lease."""
    if holder is None:
        mend = "start `barograph detector`; where one runs, its log says what it waits for"
        return warning("detector", "nobody decides: no incident will open", mend)
    return fine("detector", f"{holder} decides")


def judge_deliveries(counts: Mapping[str, int] | None, silent: Sequence[str]) -> Finding | None:
    """Judge webhooks: counts by state, and names of endpoints that are not reached."""
    if counts is None:
        return None
    dead = counts.get("dead", 0)
    if dead:
        mend = "mend the receiver, then `barograph notify --again` sends them once more with the same ids"
        return warning("deliveries", f"{dead:,} were given up", mend)
    if silent:
        mend = "see its attempts on the page Alerts; one that answered 410 returns with another URL"
        return warning("deliveries", f"not reached: {', '.join(silent)}", mend)
    return fine("deliveries", ", ".join(f"{count:,} {state}" for state, count in counts.items()))
