"""Where each drill is, in a line, without a coordinate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from position.places import DrillFence
from position.records import GroundKind, Standing
from position.watch import WatchLimits, Where, shown


def utc(time_ms: int) -> str:
    """Unix ms as people read it, whatever the clock that it came from was set to."""
    try:
        moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{time_ms} ms"
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def age_ms(standing: Standing, monotonic_ms: int, boot: str) -> int | None:
    """How old the newest fix is by the clock that nobody sets; None without one, or when it is from
    before the machine was started."""
    if standing.fix_ms is None or standing.boot != boot:
        return None
    return monotonic_ms - standing.heard_ms + standing.late_ms


def facts(
    drill: int,
    standing: Standing | None,
    fence: DrillFence | None,
    grounds: Mapping[GroundKind, int],
    *,
    limits: WatchLimits,
    monotonic_ms: int,
    boot: str,
) -> dict[str, object]:
    """What is known of a drill at this time of the clock that nobody sets, of the start of the
    machine that `boot` names; for programs. It does not matter whether anybody watches just now:
    a fix gets old by itself."""
    found: dict[str, object] = {"drill": drill, "where": str(Where.UNKNOWN), "since_ms": None}
    if standing is None:
        found |= {"why": "never watched", "fix": None, "accuracy_mm": None, "age_ms": None}
    else:
        age = age_ms(standing, monotonic_ms, boot)
        where, trouble = shown(standing.where, standing.trouble, age, limits)
        found |= {
            "where": str(where),
            "since_ms": None if where is Where.UNKNOWN else standing.since_ms,
            "why": None if trouble is None else str(trouble),
            "fix": None if standing.fix_ms is None else str(standing.quality),
            "accuracy_mm": standing.accuracy_mm,
            "age_ms": age,
        }
    if fence is None:
        found["why"] = "no fence is set"
    return found | {
        "fence": None if fence is None else "site" if fence.rental == 0 else "rental",
        "rental": 0 if fence is None else fence.rental,
        "grounds": {str(kind): since_ms for kind, since_ms in grounds.items()},
    }


def line(found: dict[str, object]) -> str:
    """The same for people."""
    since_ms, why, age, accuracy = (
        found[name] for name in ("since_ms", "why", "age_ms", "accuracy_mm")
    )
    text = f"drill {found['drill']}: {found['where']}"
    if isinstance(since_ms, int):
        text += f" since {utc(since_ms)}"
    if why is not None:
        text += f" ({why})"
    if found["fix"] is None:
        text += "; no fix yet"
    else:
        text += f"; newest fix {found['fix']}"
        text += f", within {accuracy / 1000:.1f} m" if isinstance(accuracy, int) else ""
        text += f", {age // 1000} s old" if isinstance(age, int) else ", from before the last start"
    grounds = found["grounds"]
    if isinstance(grounds, dict) and grounds:
        text += f"; place kept: {', '.join(grounds)}"
    return text
