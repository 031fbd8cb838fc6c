"""A drill followed into the files: what is kept, what is not, who may look, and what is erased."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from host.errors import PlainError
from position import privacy
from position.errors import RecordsError, RefusedLookError
from position.fence import Circle
from position.fix import FixQuality, FixReport, Place
from position.follower import FenceFollower
from position.geodesy import metres_a_unit
from position.looking import Person, entry_of, look
from position.places import PlaceFile
from position.privacy import ALWAYS_MS, Period
from position.records import GroundKind, RecordKind, Records
from position.run import EXPIRE_MS, Keeper
from position.settings import PositionSettings
from position.status import facts, line
from position.watch import WatchLimits

DRILL = 1
SITE = Place.of_degrees(52.5217654, 13.4098765)
NOW = 1_795_000_000_000
ANNA = Person("Anna", "fetcher", "the customer asked for it back")
ROLES = ("fetcher",)
LIMITS = WatchLimits()


@dataclass
class HandClock:
    """Clocks that are set by hand."""

    now: int = NOW
    monotonic: int = 1_000

    def now_ms(self) -> int:
        return self.now

    def monotonic_ms(self) -> int:
        return self.monotonic


@dataclass
class Yard:
    """A drill, its files, and its receiver."""

    folder: Path
    clock: HandClock
    records: Records
    places: PlaceFile
    follower: FenceFollower

    def drive(self, *metres: float, seconds: int = 1) -> None:
        for north_m in metres:
            self.clock.now += 1000 * seconds
            self.clock.monotonic += 1000 * seconds
            self.follower.hear(
                FixReport(FixQuality.THREE_D, at(north_m), 5_000, self.clock.now - 100)
            )

    def look(self, by: Person = ANNA) -> Place | None:
        now_ms = self.clock.now
        kept = look(self.records, self.places, DRILL, by, now_ms=now_ms, roles=ROLES)
        return None if kept is None else kept.place

    def ground(self, what: RecordKind, kind: GroundKind, *, ends: bool = False) -> None:
        entry = entry_of(self.places, DRILL, self.clock.now, what, ANNA)
        self.records.note(entry, opens=None if ends else kind, ends=kind if ends else None)
        self.follower.look_again()

    @property
    def told(self) -> list[RecordKind]:
        return [one.what for one in self.records.entries(DRILL, *ALWAYS_MS)]

    @property
    def seen(self) -> dict[str, object]:
        return facts(
            DRILL,
            self.records.standing(DRILL),
            self.places.fence(DRILL),
            self.records.grounds(DRILL),
            limits=LIMITS,
            monotonic_ms=self.clock.monotonic,
            boot=self.follower.boot,
        )

    def coordinates_in(self, folder: Path) -> list[str]:
        """The files that hold a latitude or a longitude near the site: as SQLite, JSON, NMEA or
        any text would write it."""
        found = []
        for path in sorted(folder.rglob("*")):
            data = path.read_bytes() if path.is_file() else b""
            if any(mark in data for mark in marks()):
                found.append(str(path.relative_to(folder)))
        return found


def at(north_m: float) -> Place:
    north, _ = metres_a_unit(SITE.latitude_e7)
    return Place(SITE.latitude_e7 + round(north_m / north), SITE.longitude_e7)


def marks() -> list[bytes]:
    """The longitude that all places here share, in whole, as bytes and in digits; and the degrees
    of latitude with the first decimals."""
    raw = SITE.longitude_e7.to_bytes(4, "big")
    return [
        raw,
        raw[::-1],
        b"134098765",
        b"13.4098765",
        b"1324.592",
        b"52.52",
        b"52.53",
        b"5252176",
    ]


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    clock = HandClock()
    records, places = Records(tmp_path), PlaceFile(tmp_path)
    places.set_fence(DRILL, 7, Circle(SITE, 100_000))
    follower = FenceFollower(DRILL, records, places, clock, "boot 1", LIMITS)
    follower.start()
    return Yard(tmp_path, clock, records, places, follower)


def test_marks__a_place_that_is_kept__is_found_by_them(yard: Yard) -> None:
    yard.drive(0, 0, 0, 200, 200, 200)
    assert yard.coordinates_in(yard.folder) == ["places/places.sqlite"]


def test_hear__inside_the_fence__inside_since_when_and_no_place(yard: Yard) -> None:
    yard.places.clear_fence(DRILL, 7)
    yard.places.set_fence(DRILL, 7, Circle(at(40), 200_000))
    yard.follower.look_again()
    raw = at(25).latitude_e7.to_bytes(4, "big")
    yard.drive(*[25] * 40)

    assert yard.told == [RecordKind.INSIDE]
    assert yard.seen["where"] == "inside"
    assert yard.seen["since_ms"] == NOW + 1_000
    assert yard.places.newest(DRILL) is None
    assert [path for path in yard.folder.rglob("*.sqlite") if raw in path.read_bytes()] == []


def test_hear__left__a_ground_to_keep_places_until_it_is_back(yard: Yard) -> None:
    yard.drive(0, 0, 0, 200, 250, 300, *[300] * 30)
    assert yard.told == [RecordKind.INSIDE, RecordKind.LEFT]
    assert set(yard.records.grounds(DRILL)) == {GroundKind.ALARM}
    kept = yard.places.kept(DRILL, *ALWAYS_MS)
    assert 3 <= len(kept) <= 5

    yard.drive(0, 0, 0)
    assert yard.told[-1] is RecordKind.ENTERED
    assert yard.records.grounds(DRILL) == {}
    yard.drive(*[50] * 30)
    assert yard.places.kept(DRILL, *ALWAYS_MS) == kept


def test_hear__carried_away_while_nothing_ran__left(yard: Yard) -> None:
    yard.drive(0, 0, 0)
    yard.follower = FenceFollower(DRILL, yard.records, yard.places, yard.clock, "boot 2", LIMITS)
    yard.follower.start()
    assert yard.seen["where"] == "unknown"
    yard.drive(5_000, 5_000, 5_000)
    assert yard.told == [RecordKind.INSIDE, RecordKind.LEFT]


def test_hear__at_rest_inside__a_fix_every_ten_seconds(yard: Yard) -> None:
    yard.drive(0, 0, 0, 0)
    before = yard.follower._watch.fix
    yard.drive(*[200] * 8)
    assert yard.follower._watch.fix is before
    yard.drive(*[200] * 5)
    assert yard.told == [RecordKind.INSIDE, RecordKind.LEFT]


def test_look_again__another_fence__nothing_is_known_of_it_yet(yard: Yard) -> None:
    yard.drive(0, 0, 0)
    yard.places.set_fence(DRILL, 8, Circle(at(5_000), 100_000))
    yard.follower.look_again()
    yard.clock.monotonic += 10_000
    yard.drive(0, 0, 0)
    assert yard.told == [RecordKind.INSIDE, RecordKind.OUTSIDE]
    assert yard.records.grounds(DRILL) == {}, "it has not left what it was never in"
    assert [one.rental for one in yard.records.entries(DRILL, *ALWAYS_MS)] == [7, 8]


def test_start__the_fence_was_changed_meanwhile__nothing_is_known_of_it_yet(yard: Yard) -> None:
    yard.drive(0, 0, 0)
    yard.places.set_fence(DRILL, 8, Circle(at(5_000), 100_000))
    yard.follower = FenceFollower(DRILL, yard.records, yard.places, yard.clock, "boot 2", LIMITS)
    yard.follower.start()
    yard.drive(0, 0, 0)
    assert yard.told == [RecordKind.INSIDE, RecordKind.OUTSIDE]


def test_look__inside_and_no_ground__refused_and_on_record(yard: Yard) -> None:
    yard.drive(0, 0, 0)
    with pytest.raises(RefusedLookError, match="no ground"):
        yard.look()
    entry = yard.records.entries(DRILL, *ALWAYS_MS)[-1]
    assert (entry.what, entry.rental, entry.who) == (RecordKind.REFUSED, 7, "Anna")


def test_look__a_role_that_may_not__refused_and_on_record(yard: Yard) -> None:
    yard.drive(0, 0, 0, 200, 200, 200)
    with pytest.raises(RefusedLookError, match="role 'boss' may not"):
        yard.look(Person("Bob", "boss", "curious"))
    entry = yard.records.entries(DRILL, *ALWAYS_MS)[-1]
    assert (entry.what, entry.who, entry.role) == (RecordKind.REFUSED, "Bob", "boss")


@pytest.mark.parametrize("kind", GroundKind)
def test_look__with_a_ground__the_newest_place_and_an_entry_that_the_customer_sees(
    yard: Yard, kind: GroundKind
) -> None:
    yard.drive(0, 0, 0)
    if kind is GroundKind.ALARM:
        yard.drive(200, 200, 200)
    else:
        what = {GroundKind.THEFT: RecordKind.STOLEN, GroundKind.FETCH: RecordKind.FETCH}[kind]
        yard.ground(what, kind)
        assert yard.look() is None
        yard.drive(20, seconds=10)
    assert yard.look() is not None

    settings = settings_of(yard.folder)
    shown = privacy.export(yard.records, settings.privacy, DRILL, Period(*ALWAYS_MS, 7), None)
    looks = [one for one in shown["entries"] if one["what"] == "looked"]  # type: ignore[attr-defined]
    assert looks[-1] == {
        "time": "2026-11-18 11:06:53 UTC" if kind is not GroundKind.ALARM else looks[-1]["time"],
        "rental": 7,
        "what": "looked",
        "who": "Anna",
        "role": "fetcher",
        "why": "the customer asked for it back",
    }
    assert "places" not in shown
    assert not any(mark in json.dumps(shown).encode() for mark in marks())


def test_erase__after_the_ground__no_byte_of_a_place_is_left(yard: Yard) -> None:
    yard.drive(0, 0, 0, 200, 200, 200, *[300] * 100)
    with pytest.raises(RecordsError, match="fence alarm; its places are needed"):
        privacy.erase(yard.records, yard.places, DRILL, Period(*ALWAYS_MS, 7))
    yard.drive(0, 0, 0)
    yard.ground(RecordKind.FETCH, GroundKind.FETCH)
    yard.look()
    yard.ground(RecordKind.FETCHED, GroundKind.FETCH, ends=True)

    places, movements = privacy.erase(yard.records, yard.places, DRILL, Period(*ALWAYS_MS, 7))

    assert places >= 10
    assert movements == 3
    assert yard.told == [RecordKind.FETCH, RecordKind.LOOKED, RecordKind.FETCHED]
    assert yard.coordinates_in(yard.folder) == []
    assert all(b"LEFT" not in path.read_bytes() for path in yard.folder.rglob("*.sqlite"))


def settings_of(folder: Path) -> PositionSettings:
    return PositionSettings.model_validate(
        {
            "privacy": {"purpose": "to fetch stolen drills", "place_days": 2, "record_days": 20},
            "drills": [{"number": 1, "receiver": {"kind": "nmea", "port": "/dev/gone"}}],
            "folder": folder,
        }
    )


@pytest.mark.parametrize("kept", [True, None])
def test_keeper__after_its_retention__no_place_in_files_or_in_a_backup_then(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kept: bool | None
) -> None:
    monkeypatch.setattr("position.run.clock_is_synchronised", lambda: kept)
    keeper = Keeper(settings_of(yard.folder), yard.records, yard.places, yard.clock)
    yard.drive(0, 0, 0, 200, 200, 200, *[300] * 100, 0, 0, 0)
    yard.places.clear_fence(DRILL, 7)
    keeper.step()
    assert yard.coordinates_in(yard.folder) == ["places/places.sqlite"]

    yard.clock.now += 2 * 86_400_000
    yard.clock.monotonic += EXPIRE_MS
    keeper.step()

    assert yard.coordinates_in(yard.folder) == []
    assert yard.told[:2] == [RecordKind.INSIDE, RecordKind.LEFT]
    yard.clock.now += 20 * 86_400_000
    yard.clock.monotonic += EXPIRE_MS
    keeper.step()
    assert yard.told == []


def test_keeper__nothing_keeps_the_clock__nothing_is_deleted(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("position.run.clock_is_synchronised", lambda: False)
    keeper = Keeper(settings_of(yard.folder), yard.records, yard.places, yard.clock)
    yard.drive(0, 0, 0, 200, 200, 200)
    yard.clock.now += 10**12
    keeper.step()
    assert yard.told == [RecordKind.INSIDE, RecordKind.LEFT]
    assert yard.places.newest(DRILL) is not None


def test_places__their_folder__is_marked_for_backups_and_ours_alone(yard: Yard) -> None:
    folder = yard.folder / "places"
    tag = (folder / "CACHEDIR.TAG").read_text("ascii")
    assert tag.startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
    assert folder.stat().st_mode & 0o777 == 0o700
    for path in yard.folder.rglob("*.sqlite"):
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", [Records, PlaceFile])
def test_file__damaged_or_newer__one_error_that_names_it(
    tmp_path: Path, kind: type[Records | PlaceFile]
) -> None:
    kind(tmp_path).close()
    (path,) = tmp_path.rglob("*.sqlite")
    with sqlite3.connect(path) as database:
        database.execute("UPDATE schema_step SET number = 9, release = '9.9'")
    database.close()
    with pytest.raises(RecordsError, match=r"sqlite.* version 9.* release 9\.9"):
        kind(tmp_path)
    path.write_bytes(os.urandom(8192))
    with pytest.raises(RecordsError, match="sqlite: file is not a database"):
        kind(tmp_path)


def test_line__each_state__says_the_age_and_never_a_coordinate(yard: Yard) -> None:
    assert line(yard.seen) == "drill 1: unknown (never watched); no fix yet"
    yard.drive(0, 0)
    assert "unknown (not enough fixes yet); newest fix 3D, within 5.0 m, 1 s old" in line(yard.seen)
    yard.drive(0)
    assert line(yard.seen) == (
        "drill 1: inside since 2026-11-18 10:26:41 UTC; newest fix 3D, within 5.0 m, 0 s old"
    ).replace("2026-11-18 10:26:41", utc_of(NOW + 1_000))
    yard.clock.monotonic += 61_000
    assert line(yard.seen).startswith("drill 1: unknown (fix is old); newest fix 3D")
    assert line(yard.seen).endswith(", 61 s old")
    assert not any(mark in line(yard.seen).encode() for mark in marks())


def utc_of(time_ms: int) -> str:
    from position.status import utc  # noqa: PLC0415

    return utc(time_ms).removesuffix(" UTC")


def test_facts__after_a_restart_of_the_machine__the_age_is_not_known(yard: Yard) -> None:
    yard.drive(0, 0, 0)
    found = facts(
        DRILL,
        yard.records.standing(DRILL),
        None,
        {},
        limits=LIMITS,
        monotonic_ms=5,
        boot="boot 2",
    )
    assert (found["where"], found["age_ms"], found["why"]) == ("unknown", None, "no fence is set")
    assert line(found).endswith("newest fix 3D, within 5.0 m, from before the last start")


def test_silent__a_receiver_that_has_gone__is_told_and_nobody_left(yard: Yard) -> None:
    yard.drive(0, 0, 0)
    yard.follower.silent()
    yard.clock.monotonic += 61_000
    yard.follower.stand()
    assert yard.seen["why"] == "nothing heard of the receiver"
    assert yard.told == [RecordKind.INSIDE]
    assert issubclass(RecordsError, PlainError)
