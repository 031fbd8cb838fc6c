"""Distances on the ground, for fences and for how far somebody has come.

Up to some tens of km: the ellipsoid's radii of curvature at the middle latitude, right to a few
parts in 100,000 away from the poles. Beyond: a great circle on the mean sphere, right to 0.6 %.
Longitudes are differences, the short way round, so that nothing is special about 180 degrees.
Source: WGS84; radii of curvature after Torge, Geodesy, section 4.1.
"""

from __future__ import annotations

from math import asin, cos, hypot, pi, radians, sin, sqrt

from position.fix import E7, HALF_TURN, Place

SEMI_MAJOR_M = 6_378_137.0
ECCENTRICITY_SQUARED = 6.694_379_990_14e-3
MEAN_RADIUS_M = 6_371_008.8

RADIANS = pi / HALF_TURN
"""Of 1e-7 degrees."""

NEAR_E7 = E7
"""Differences of up to a degree are measured on the ellipsoid."""


def turned(longitude_e7: int) -> int:
    """A difference of longitudes the short way round: -180 <= it < 180 degrees."""
    return (longitude_e7 + HALF_TURN) % (2 * HALF_TURN) - HALF_TURN


def metres_a_unit(latitude_e7: float) -> tuple[float, float]:
    """How many metres 1e-7 degrees are at a latitude: northward, eastward."""
    latitude = latitude_e7 * RADIANS
    squared = 1 - ECCENTRICITY_SQUARED * sin(latitude) ** 2
    meridian = SEMI_MAJOR_M * (1 - ECCENTRICITY_SQUARED) / squared**1.5
    across = SEMI_MAJOR_M / sqrt(squared)
    return meridian * RADIANS, across * cos(latitude) * RADIANS


def distance_mm(one: Place, other: Place) -> int:
    """How far it is between two places, mm."""
    north_e7 = other.latitude_e7 - one.latitude_e7
    east_e7 = turned(other.longitude_e7 - one.longitude_e7)
    if max(abs(north_e7), abs(east_e7)) <= NEAR_E7:
        north, east = metres_a_unit((one.latitude_e7 + other.latitude_e7) / 2)
        return round(1000 * hypot(north_e7 * north, east_e7 * east))
    start, end = radians(one.latitude_e7 / E7), radians(other.latitude_e7 / E7)
    chord = sin((end - start) / 2) ** 2
    chord += cos(start) * cos(end) * sin(east_e7 * RADIANS / 2) ** 2
    return round(2000 * MEAN_RADIUS_M * asin(sqrt(min(1.0, chord))))
