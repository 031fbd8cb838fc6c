"""Fences: in or out in whole numbers, distances on the ground, and what is refused."""

from __future__ import annotations

import json
from math import cos, hypot, pi, radians, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from position.errors import PlaceError
from position.fence import (
    Circle,
    Polygon,
    circle_of,
    fence_of_text,
    fence_text,
    outside_mm,
    polygon_of,
)
from position.fix import E7, Place
from position.geodesy import MEAN_RADIUS_M, distance_mm, metres_a_unit

latitudes = st.integers(-84 * E7, 84 * E7)
longitudes = st.integers(-180 * E7, 180 * E7)
places = st.builds(Place, st.integers(-90 * E7, 90 * E7), longitudes)


def moved(place: Place, north_m: float, east_m: float) -> Place:
    """A place so many metres away, some km at most, over the 180th meridian if need be."""
    north, east = metres_a_unit(place.latitude_e7)
    latitude = place.latitude_e7 + round(north_m / north)
    longitude = place.longitude_e7 + round(east_m / east)
    return Place(latitude, (longitude + 180 * E7) % (360 * E7) - 180 * E7)


def square(centre: Place, half_m: float) -> Polygon:
    turns = ((-1, -1), (-1, 1), (1, 1), (1, -1))
    return Polygon(tuple(moved(centre, half_m * north, half_m * east) for north, east in turns))


@pytest.mark.parametrize(
    ("one", "other", "metres"),
    [
        # Degrees of latitude and longitude on WGS84, from the tables of NIMA TR8350.2.
        ((0, 0), (0, 1), 111_319.5),
        ((0, 0), (1, 0), 110_574.4),
        ((60, 10), (60, 11), 55_800.2),
        ((89, 0), (90, 0), 111_693.9),
        ((52.5, 179.9999), (52.5, -179.9999), 13.577),
    ],
)
def test_distance__known__is_met(
    one: tuple[float, float], other: tuple[float, float], metres: float
) -> None:
    found = distance_mm(Place.of_degrees(*one), Place.of_degrees(*other))

    assert found == pytest.approx(1000 * metres, rel=3e-5, abs=12)


@given(places, places)
def test_distance__of_any_two__is_the_same_both_ways_and_no_longer_than_half_round(
    one: Place, other: Place
) -> None:
    assert distance_mm(one, other) == distance_mm(other, one)
    assert 0 <= distance_mm(one, other) <= 1000 * pi * MEAN_RADIUS_M + 1


@given(latitudes, longitudes, st.floats(0, 360), st.floats(20, 5_000))
def test_polygon__a_point_on_either_side_of_each_edge__is_in_or_out_by_its_distance(
    latitude: int, longitude: int, bearing: float, half_m: float
) -> None:
    centre = Place(latitude, longitude)
    fence = square(centre, half_m)
    east, north = sin(radians(bearing)), cos(radians(bearing))
    to_edge = half_m / max(abs(east), abs(north))

    inside = outside_mm(fence, moved(centre, 0.9 * to_edge * north, 0.9 * to_edge * east))
    outside = outside_mm(fence, moved(centre, 1.1 * to_edge * north, 1.1 * to_edge * east))

    assert inside == pytest.approx(-100 * half_m, rel=0.05, abs=60)
    beyond = (max(0.0, 1.1 * to_edge * abs(one) - half_m) for one in (east, north))
    assert outside == pytest.approx(1000 * hypot(*beyond), rel=0.05, abs=60)


@given(latitudes, longitudes, places)
def test_fence__any_place_on_earth__is_outside_unless_it_is_near(
    latitude: int, longitude: int, place: Place
) -> None:
    centre = Place(latitude, longitude)
    for fence in (square(centre, 500), Circle(centre, 500_000)):
        beyond_mm = outside_mm(fence, place)
        if distance_mm(centre, place) > 800_000:
            assert beyond_mm > 0
        if beyond_mm <= 0:
            assert distance_mm(centre, place) < 800_000


@given(latitudes, st.integers(-180 * E7, 179 * E7), st.integers(0, 360 * E7))
def test_polygon__turned_round_the_globe__says_the_same(
    latitude: int, longitude: int, turn: int
) -> None:
    def turned(place: Place) -> Place:
        to = (place.longitude_e7 + turn + 180 * E7) % (360 * E7) - 180 * E7
        return Place(place.latitude_e7, to)

    centre = Place(latitude, longitude)
    fence = square(centre, 200)
    for metres in (0, 150, 199, 201, 1000):
        at = moved(centre, metres, metres / 3)
        there = Polygon(tuple(map(turned, fence.corners)))
        assert outside_mm(fence, at) == outside_mm(there, turned(at))


def test_polygon__with_a_notch__what_lies_in_the_notch_is_outside() -> None:
    corners = [(0, 0), (0, 4), (4, 4), (4, 3), (1, 3), (1, 1), (4, 1), (4, 0)]
    fence = Polygon(tuple(Place(1000 * north, 1000 * east) for north, east in corners))

    assert outside_mm(fence, Place(2000, 2000)) > 0
    assert outside_mm(fence, Place(500, 2000)) < 0
    assert outside_mm(fence, Place(2000, 500)) < 0
    assert outside_mm(fence, Place(1000, 2000)) == 0
    assert outside_mm(fence, Place(4000, 5000)) > 0


@pytest.mark.parametrize(
    ("corners", "said"),
    [
        ([(0, 0), (0, 1)], "3 .. 100 corners"),
        ([(0, 0), (0, 1), (0, 2)], "cross or lie"),
        ([(0, 0), (1, 1), (1, 0), (0, 1)], "cross or lie"),
        ([(0, 0), (0, 2), (0, 1), (1, 1)], "cross or lie"),
        ([(0, 0), (2, 0), (2, 2), (1, 0), (0, 2)], "cross or lie"),
        ([(0, 0), (0, 1), (1, 1), (0, 0)], "names a corner twice"),
        ([(0, 0), (0, 200), (1, 100)], "km across"),
        ([(89_000, 0), (89_000, 1), (89_001, 1)], "too near a pole"),
    ],
)
def test_polygon__that_cannot_be_meant__refused(corners: list[tuple[int, int]], said: str) -> None:
    with pytest.raises(PlaceError, match=said):
        Polygon(tuple(Place(E7 // 1000 * north, E7 // 100 * east) for north, east in corners))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("52.5,13.4", "not LATITUDE"),
        ("52.5,13.4,x", "not LATITUDE"),
        ("52.5,13.4,nan", "no radius"),
        ("52.5,13.4,-1", "no radius"),
        ("52.5,13.4,5", "not within 10 .. 50000 m"),
        ("52.5,13.4,60000", "not within 10 .. 50000 m"),
        ("91,13.4,100", "latitude 91.0 is not within"),
        ("nan,13.4,100", "latitude nan"),
        ("52,181,100", "longitude 181.0"),
        ("86,13,100", "too near a pole"),
    ],
)
def test_circle_of__not_a_circle__refused(text: str, said: str) -> None:
    with pytest.raises(PlaceError, match=said):
        circle_of(text)


RING = [[13.4, 52.5], [13.41, 52.5], [13.41, 52.51], [13.4, 52.5]]


def test_polygon_of__geojson__has_longitude_first() -> None:
    shape = {"type": "Polygon", "coordinates": [RING]}

    for text in (shape, {"type": "Feature", "properties": {}, "geometry": shape}):
        fence = polygon_of(json.dumps(text))
        assert fence.corners[1] == Place.of_degrees(52.5, 13.41)
        assert len(fence.corners) == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 50,
        "7",
        "{}",
        '{"type": "Polygon"}',
        '{"type": "Polygon", "coordinates": []}',
        '{"type": "Polygon", "coordinates": [[]]}',
        '{"type": "Polygon", "coordinates": [[[1, 2], [1, 2]]]}',
        json.dumps({"type": "Polygon", "coordinates": [RING[:-1]]}),
        json.dumps({"type": "Polygon", "coordinates": [RING, RING]}),
        json.dumps({"type": "Polygon", "coordinates": [[[True, 1], *RING[1:-1], [True, 1]]]}),
        json.dumps({"type": "Polygon", "coordinates": [[["13", 1], *RING[1:-1], ["13", 1]]]}),
        json.dumps({"type": "Polygon", "coordinates": [[*RING[:-1]] * 90]}),
    ],
)
def test_polygon_of__not_a_fence__refused(text: str) -> None:
    with pytest.raises(PlaceError):
        polygon_of(text)


@given(latitudes, longitudes, st.integers(10_000, 50_000_000))
def test_fence__written_and_read__is_the_same(latitude: int, longitude: int, radius: int) -> None:
    centre = Place(latitude, longitude)
    for fence in (Circle(centre, radius), square(centre, 100)):
        assert fence_of_text(fence_text(fence)) == fence


def test_circle__far_from_the_centre__is_measured_on_the_great_circle() -> None:
    fence = Circle(Place.of_degrees(0, 0), 1_000_000)

    beyond_mm = outside_mm(fence, Place.of_degrees(0, 90))

    assert beyond_mm == pytest.approx(1000 * pi / 2 * MEAN_RADIUS_M - 1_000_000, rel=1e-9)
