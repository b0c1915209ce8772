"""What a server counts: :meth:`forker.Server.stats` and :meth:`forker.Server.worker_stats`."""

from __future__ import annotations

from dataclasses import dataclass

from ._header import CStats, CWorkerStats

PHASES = ("starting", "serving", "reloading", "draining", "stopping")
STATES = ("none", "forked", "booting", "ready", "draining")
EXIT_REASONS = ("none", "self", "crash", "killed", "boot", "stop", "reload", "scale", "recycle", "hang", "memory")
HANDSHAKE_ENDS = (
    "tls12_full",
    "tls12_resumed",
    "tls13_full",
    "tls13_resumed",
    "client_left",
    "timeout",
    "client_certificate",
    "protocol",
    "clear_text",
)

_COUNTERS = ("connections", "in_flight", "accepted", "requests", "bytes_in", "bytes_out")


@dataclass(frozen=True)
class Counters:
    """What the whole server and each worker count.

    ``connections`` and ``in_flight`` are of now; the others only grow during a run, over all generations of workers.
    """

    connections: int
    in_flight: int
    accepted: int
    requests: int
    bytes_in: int
    bytes_out: int
    responses: tuple[int, ...]
    """By status class: ``responses[2]`` counts those with status 200 to 299."""
    latency: tuple[int, ...]
    """``latency[i]`` counts responses that took less than 2**i ns, and not less than 2**(i-1)."""
    latency_sum: float
    """Seconds that all responses took together."""
    handshakes: dict[str, int]
    """Of TLS, by how they ended: sessions "tls12_full", "tls12_resumed", "tls13_full" and "tls13_resumed"; failures
    "client_left", "timeout", "client_certificate", "protocol" and "clear_text"."""


@dataclass(frozen=True)
class Stats(Counters):
    """The figures of a server. Times are in seconds."""

    phase: str
    """"starting", "serving", "reloading", "draining" or "stopping"."""
    spawner_pid: int
    master_pid: int
    """0: there is none just now, or workers=0."""
    uptime: float
    workers: int
    """How many the master keeps alive."""
    ready: int
    """How many of them serve."""
    slots: int
    """Worker numbers 0 to slots-1 have been in use."""
    master_starts: int
    worker_starts: int
    worker_exits: dict[str, int]
    """By reason: "self", "crash", "killed", "boot", "stop", "reload", "scale", "recycle", "hang", "memory"."""


@dataclass(frozen=True)
class WorkerStats(Counters):
    """The figures of one worker. Times are in seconds, 0.0 where there is nothing to tell."""

    state: str
    """"none", "forked", "booting", "ready" or "draining"."""
    pid: int
    generation: int
    """How many processes have had this worker's number."""
    age: float
    heartbeat: float
    """Since its loop last came round."""
    rss: int
    """Resident bytes, of which many are shared with the other processes."""
    busy: float
    """How long a handler has been running."""
    method: str
    target: str


def _counters(c: CStats | CWorkerStats) -> dict:
    values = {name: getattr(c, name) for name in _COUNTERS}
    return values | {
        "responses": tuple(c.responses),
        "latency": tuple(c.latency),
        "latency_sum": c.latency_sum_ns / 1e9,
        "handshakes": dict(zip(HANDSHAKE_ENDS, c.handshakes)),
    }


def _name(names: tuple[str, ...], number: int) -> str:
    return names[number] if number < len(names) else str(number)


def stats_of(c: CStats) -> Stats:
    return Stats(
        **_counters(c),
        phase=_name(PHASES, c.phase),
        spawner_pid=c.spawner_pid,
        master_pid=c.master_pid,
        uptime=c.uptime_ns / 1e9,
        workers=c.workers,
        ready=c.ready,
        slots=c.slots,
        master_starts=c.master_starts,
        worker_starts=c.worker_starts,
        worker_exits=dict(zip(EXIT_REASONS[1:], c.worker_exits[1:])),
    )


def worker_stats_of(c: CWorkerStats) -> WorkerStats:
    return WorkerStats(
        **_counters(c),
        state=_name(STATES, c.state),
        pid=c.pid,
        generation=c.generation,
        age=c.age_ns / 1e9,
        heartbeat=c.heartbeat_ns / 1e9,
        rss=c.rss_bytes,
        busy=c.busy_ns / 1e9,
        method=c.method.decode("ascii", "replace"),
        target=c.target.decode("ascii", "replace"),
    )
