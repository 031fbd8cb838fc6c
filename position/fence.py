"""Fences: a circle or a polygon around a site, and how far outside of it a place is.

Edges of a polygon are straight in latitude and longitude, as on a map. Whether a place is inside is
decided in whole numbers; a place on the edge is inside. Fences lie within 85 degrees of latitude,
because east and west mean little at a pole, and may cross the 180th meridian.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import hypot
from typing import Any

from host.bounded_json import parse_json
from host.errors import AnswerTooLargeError, NonsenseError
from position.errors import PlaceError
from position.fix import E7, Place
from position.geodesy import distance_mm, metres_a_unit, turned

HIGHEST_LATITUDE_E7 = 85 * E7
LEAST_RADIUS_MM, LARGEST_RADIUS_MM = 10_000, 50_000_000
LARGEST_WIDTH_MM = 100_000_000
MOST_CORNERS = 100

Pair = tuple[int, int]
"""Latitude and longitude in 1e-7 degrees, the latter counted from a first corner."""


@dataclass(frozen=True, slots=True)
class Circle:
    """All within `radius_mm` of a centre; raises PlaceError for one that cannot be meant."""

    centre: Place
    radius_mm: int

    def __post_init__(self) -> None:
        _require_latitude(self.centre)
        if not LEAST_RADIUS_MM <= self.radius_mm <= LARGEST_RADIUS_MM:
            raise PlaceError(
                f"a radius of {self.radius_mm / 1000} m is not within "
                f"{LEAST_RADIUS_MM // 1000} .. {LARGEST_RADIUS_MM // 1000} m"
            )


@dataclass(frozen=True, slots=True)
class Polygon:
    """All within a simple polygon, in either direction, the first corner not repeated at the end;
    raises PlaceError for one that cannot be meant."""

    corners: tuple[Place, ...]

    def __post_init__(self) -> None:
        if not 3 <= len(self.corners) <= MOST_CORNERS:
            raise PlaceError(f"a fence has 3 .. {MOST_CORNERS} corners, not {len(self.corners)}")
        for corner in self.corners:
            _require_latitude(corner)
            if distance_mm(self.corners[0], corner) > LARGEST_WIDTH_MM:
                raise PlaceError(f"a fence is {LARGEST_WIDTH_MM // 10**6} km across at most")
        if len(set(self.pairs())) != len(self.corners):
            raise PlaceError("a fence names a corner twice")
        _require_simple(list(self.edges()))

    def pairs(self) -> list[Pair]:
        """The corners as pairs, longitudes counted from the first one."""
        first = self.corners[0].longitude_e7
        return [(one.latitude_e7, turned(one.longitude_e7 - first)) for one in self.corners]

    def edges(self) -> Iterator[tuple[Pair, Pair]]:
        """From corner to corner, all round."""
        pairs = self.pairs()
        yield from zip(pairs, pairs[1:] + pairs[:1], strict=True)


Fence = Circle | Polygon


def outside_mm(fence: Fence, place: Place) -> int:
    """How far outside the fence a place is, mm; how far from its border inside, as a negative."""
    if isinstance(fence, Circle):
        return distance_mm(fence.centre, place) - fence.radius_mm
    at = (place.latitude_e7, turned(place.longitude_e7 - fence.corners[0].longitude_e7))
    away_mm = round(1000 * min(_metres_to(edge, at) for edge in fence.edges()))
    return -away_mm if _holds(fence, at) else max(1, away_mm)


def fence_text(fence: Fence) -> str:
    """A fence as it is kept: JSON in whole 1e-7 degrees and mm."""
    if isinstance(fence, Circle):
        centre = [fence.centre.latitude_e7, fence.centre.longitude_e7]
        return json.dumps({"centre": centre, "radius_mm": fence.radius_mm})
    corners = [[one.latitude_e7, one.longitude_e7] for one in fence.corners]
    return json.dumps({"corners": corners})


def fence_of_text(text: str) -> Fence:
    """A fence as `fence_text` wrote it."""
    found = json.loads(text)
    if "corners" in found:
        return Polygon(tuple(Place(*corner) for corner in found["corners"]))
    return Circle(Place(*found["centre"]), found["radius_mm"])


def circle_of(text: str) -> Circle:
    """A circle given as LATITUDE,LONGITUDE,METRES; raises PlaceError."""
    parts = text.split(",")
    try:
        latitude, longitude, metres = map(float, parts)
    except ValueError:
        raise PlaceError(f"{text!r} is not LATITUDE,LONGITUDE,METRES") from None
    if not 0 < metres < 1e9:  # also what is no number
        raise PlaceError(f"{text!r} has no radius in metres")
    return Circle(Place.of_degrees(latitude, longitude), round(metres * 1000))


def polygon_of(text: str) -> Polygon:
    """A polygon given as GeoJSON (RFC 7946): a Polygon, longitude first, without holes; or a
    Feature with one. Raises PlaceError."""
    try:
        found = parse_json(text.encode())
    except (AnswerTooLargeError, NonsenseError):
        raise PlaceError("a fence's file is not JSON") from None
    shape = found.get("geometry") if isinstance(found, dict) and "geometry" in found else found
    if not isinstance(shape, dict) or shape.get("type") != "Polygon":
        raise PlaceError('a fence\'s file is GeoJSON with "type": "Polygon"')
    rings = shape.get("coordinates")
    if not isinstance(rings, list) or len(rings) != 1 or not isinstance(rings[0], list):
        raise PlaceError("a fence is one ring of corners, without holes")
    corners = [_corner(one) for one in rings[0][: MOST_CORNERS + 2]]
    if len(corners) < 2 or corners[0] != corners[-1]:
        raise PlaceError("a fence's ring ends with the corner that it began with")
    return Polygon(tuple(corners[:-1]))


def _corner(found: Any) -> Place:
    if not isinstance(found, list) or len(found) not in (2, 3):
        raise PlaceError(f"{str(found)[:60]} is not [longitude, latitude]")
    for one in found[:2]:
        if isinstance(one, bool) or not isinstance(one, int | float):
            raise PlaceError(f"{str(found)[:60]} is not [longitude, latitude]")
    return Place.of_degrees(found[1], found[0])


def _require_latitude(place: Place) -> None:
    if abs(place.latitude_e7) > HIGHEST_LATITUDE_E7:
        raise PlaceError(
            f"latitude {place.latitude_e7 / E7} is beyond {HIGHEST_LATITUDE_E7 // E7} degrees, "
            "too near a pole for a fence"
        )


def _side(start: Pair, end: Pair, at: Pair) -> int:
    """On which side of a line a pair lies: positive, negative, or 0 on it; in whole numbers."""
    return (end[0] - start[0]) * (at[1] - start[1]) - (end[1] - start[1]) * (at[0] - start[0])


def _between(start: Pair, end: Pair, at: Pair) -> bool:
    """Whether a pair on the line through both lies between them."""
    return all(min(start[n], end[n]) <= at[n] <= max(start[n], end[n]) for n in (0, 1))


def _holds(polygon: Polygon, at: Pair) -> bool:
    """Whether a pair is inside or on the edge: by how many edges a ray to the east crosses."""
    inside = False
    for start, end in polygon.edges():
        side = _side(start, end, at)
        if side == 0 and _between(start, end, at):
            return True
        if (start[0] > at[0]) != (end[0] > at[0]) and (side > 0) == (start[0] > end[0]):
            inside = not inside
    return inside


def _metres_to(edge: tuple[Pair, Pair], at: Pair) -> float:
    """From a pair to the nearest point of an edge, on the plane that touches the ground there."""
    north, east = metres_a_unit(at[0])
    (first_y, first_x), (second_y, second_x) = edge
    turn_e7 = turned(first_x - at[1])  # of one end only, or an edge would go round the globe
    y1, x1 = (first_y - at[0]) * north, turn_e7 * east
    y2, x2 = (second_y - at[0]) * north, (turn_e7 + second_x - first_x) * east
    along_y, along_x = y2 - y1, x2 - x1
    length = along_y**2 + along_x**2
    share = 0.0 if length == 0 else -(y1 * along_y + x1 * along_x) / length
    share = min(1.0, max(0.0, share))
    return hypot(y1 + share * along_y, x1 + share * along_x)


def _require_simple(edges: list[tuple[Pair, Pair]]) -> None:
    """Raise PlaceError when two edges meet anywhere but at the corner that they share."""
    for (first, one), (second, other) in combinations(enumerate(edges), 2):
        shared = {*one} & {*other}
        beside = second - first in (1, len(edges) - 1)
        if beside and len(shared) == 1:
            (corner,) = shared
            ends = [pair for pair in (*one, *other) if pair != corner]
            back = _side(corner, ends[0], ends[1]) == 0 and (
                _between(corner, ends[0], ends[1]) or _between(corner, ends[1], ends[0])
            )
            if not back:
                continue
        elif not _cross(one, other):
            continue
        raise PlaceError("the edges of a fence cross or lie on each other")


def _cross(one: tuple[Pair, Pair], other: tuple[Pair, Pair]) -> bool:
    """Whether two edges have a point in common."""
    sides = [_side(*one, at) for at in other] + [_side(*other, at) for at in one]
    if any(
        side == 0 and _between(*edge, at)
        for side, edge, at in zip(sides, (one, one, other, other), (*other, *one), strict=True)
    ):
        return True
    return (sides[0] > 0) != (sides[1] > 0) and (sides[2] > 0) != (sides[3] > 0) and 0 not in sides
