"""What a load test found, in figures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import quantiles

import psutil


@dataclass(frozen=True, slots=True)
class Figures:
    """One load: events offered, accepted and assigned (counts and per second), latencies in milliseconds, CPU, memory."""

    mode: str
    offered_per_second: float
    seconds: float
    offered: int
    accepted: int
    assigned: int
    lost: int
    doubled: int
    assigned_per_second: float
    bare_per_second: float
    accept_ms: dict[str, float]
    assign_ms: dict[str, float]
    cpu_ms_per_1000: dict[str, float] = field(default_factory=dict)
    memory_mb: dict[str, float] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    freed_ms: dict[str, float] = field(default_factory=dict)
    """From an agent's becoming free to the next contact."""
    freed: int = 0
    unserved: int = 0
    """Freed agents who were given nothing: none of the latencies above is theirs."""
    out_of_turn: int = 0
    """Contacts assigned while one that had arrived before still waited."""


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the maximum, in milliseconds."""
    if len(seconds) < 2:
        return {}
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {
        "p50": round(cuts[49] * 1000, 1),
        "p95": round(cuts[94] * 1000, 1),
        "p99": round(cuts[98] * 1000, 1),
        "max": round(max(seconds) * 1000, 1),
    }


def cpu_seconds(pids: dict[str, int]) -> dict[str, float]:
    """CPU seconds used so far by each part and its children."""
    used: dict[str, float] = {}
    for name, pid in pids.items():
        try:
            root = psutil.Process(pid)
            family = [root, *(root.children(recursive=True) if name == "postgres" else [])]
            used[name] = sum(sum(process.cpu_times()[:2]) for process in family)
        except psutil.NoSuchProcess:
            used[name] = 0.0
    return used


def memory(pids: dict[str, int]) -> dict[str, float]:
    """Proportional set size of each part and its children, in MB."""
    found: dict[str, float] = {}
    for name, pid in pids.items():
        try:
            root = psutil.Process(pid)
            family = [root, *(root.children(recursive=True) if name == "postgres" else [])]
            found[name] = round(sum(process.memory_full_info().pss for process in family) / 1e6, 1)
        except (psutil.NoSuchProcess, AttributeError):
            found[name] = 0.0
    return found
