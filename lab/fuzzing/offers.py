"""The model of what the provider does with tariffs, oracles and drills."""

from __future__ import annotations

from lab.fuzzing import notes
from lab.fuzzing.books import CallVerdict, DrillBook, KeyBook, ModelBooks, OracleBook, TariffBook
from protocol.records import Tariff

MAX_PRICE = 2**64 - 1
MAX_RPM = 2**20 - 1
MAX_RESERVE = 2**96 - 1


def tariff_words(tariff: Tariff) -> tuple[int, ...]:
    """The nine words of the levels, the standing price and the least reserve."""
    flat: list[int] = []
    for rate in tariff.levels:
        flat += (rate.price_per_second, rate.price_per_1000_revolutions, rate.max_rpm)
    return (*flat, tariff.standing_price_per_second, tariff.least_reserve)


class Offers(ModelBooks):
    """Tariffs, oracles, keys and drills."""

    def tariff_faults(self, number: int) -> set[str]:
        """Of a tariff that something is to be offered at."""
        if number not in self.tariffs:
            return {"tariffs: no such tariff"}
        return {"tariffs: retired"} if self.tariffs[number].retired else set()

    def oracle_faults(self, number: int, *, suspended: bool = True) -> set[str]:
        """Of an oracle that something is to be trusted with."""
        oracle = self.oracles.get(number)
        if oracle is None:
            return {"oracles: no such oracle"}
        faults = {"oracles: revoked"} if oracle.revoked else set()
        if suspended and oracle.suspended:
            faults.add("oracles: suspended")
        return faults

    def drill_faults(self, number: int) -> set[str]:
        """Of a drill that has to be free."""
        drill = self.drills.get(number)
        if drill is None:
            return {"drills: no such drill"}
        faults = {"drills: retired"} if drill.retired else set()
        if drill.rental:
            faults.add("drills: in a rental")
        return faults

    # Tariffs --------------------------------------------------------------------------------

    def publish_tariff(self, sender: int, tariff: Tariff, retired: bool) -> CallVerdict:
        """One more rate table."""
        faults = self.owners_faults(sender)
        prices = [tariff.standing_price_per_second]
        for rate in tariff.levels:
            prices += (rate.price_per_second, rate.price_per_1000_revolutions)
            if rate.max_rpm == 0:
                faults.add("packing: max_rpm is zero")
            if rate.max_rpm > MAX_RPM:
                faults.add("packing: max_rpm over 2**20 - 1")
        if max(prices) > MAX_PRICE:
            faults.add("packing: price over 2**64 - 1")
        if tariff.least_reserve > MAX_RESERVE:
            faults.add("packing: reserve over 2**96 - 1")
        if retired:
            faults.add("tariffs: published as retired")
        if faults:
            return CallVerdict(faults)
        number = len(self.tariffs) + 1
        self.tariffs[number] = TariffBook(tariff)
        return CallVerdict(faults, [("TariffPublished", number, *tariff_words(tariff))], (number,))

    def retire_tariff(self, sender: int, number: int) -> CallVerdict:
        """No more rentals under it."""
        faults = self.owners_faults(sender)
        if number not in self.tariffs:
            faults.add("tariffs: no such tariff")
        elif self.tariffs[number].retired:
            faults.add("tariffs: already retired")
        if faults:
            return CallVerdict(faults)
        self.tariffs[number].retired = True
        return CallVerdict(faults, [("TariffRetired", number)])

    # Oracles --------------------------------------------------------------------------------

    def _key_faults(self, key: int) -> set[str]:
        if key == 0:
            return {"keys: zero address"}
        used = key in self.keys and self.keys[key].oracle
        return {"keys: used before"} if used else set()

    def _put_in_force(self, key: int, oracle: int) -> bool:
        book = self.keys.setdefault(key, KeyBook())
        book.oracle, book.since = oracle, self.now
        return book.is_p256

    def enrol_p256_key(
        self, sender: int, key: int, point: tuple[int, int], ok: bool
    ) -> CallVerdict:
        """`ok`: the signature is the key's, and the chain can check it."""
        faults = self.owners_faults(sender)
        if key in self.keys and self.keys[key].is_p256:
            faults.add("keys: enrolled before")
        if not ok:
            faults.add("keys: P-256 signature refused")
        if faults:
            return CallVerdict(faults)
        self.keys.setdefault(key, KeyBook()).is_p256 = True
        for oracle in self.oracles.values():
            if oracle.key == key:
                oracle.is_p256 = True
                self.noted[notes.ENROLLED_LATER] += 1
        return CallVerdict(faults, [("KeyEnrolled", key, *point)], (key,))

    def register_oracle(self, sender: int, key: int) -> CallVerdict:
        """One more box."""
        faults = self.owners_faults(sender) | self._key_faults(key)
        if faults:
            return CallVerdict(faults)
        number = len(self.oracles) + 1
        self.oracles[number] = OracleBook(key, self._put_in_force(key, number))
        return CallVerdict(faults, [("OracleRegistered", number, key)], (number,))

    def rotate_oracle(self, sender: int, number: int, key: int) -> CallVerdict:
        """Another key for a box."""
        faults = self.owners_faults(sender) | self._key_faults(key)
        faults |= self.oracle_faults(number, suspended=False)
        if faults:
            return CallVerdict(faults)
        oracle = self.oracles[number]
        self.keys[oracle.key].until = self.now
        oracle.key, oracle.is_p256 = key, self._put_in_force(key, number)
        oracle.epoch += 1
        oracle.suspended = False
        return CallVerdict(faults, [("OracleRotated", number, key, oracle.epoch)])

    def revoke_oracle(self, sender: int, number: int) -> CallVerdict:
        """Never again."""
        faults = self.owners_faults(sender) | self.oracle_faults(number, suspended=False)
        if faults:
            return CallVerdict(faults)
        oracle = self.oracles[number]
        oracle.revoked = True
        self.keys[oracle.key].until = self.now
        return CallVerdict(faults, [("OracleRevoked", number)])

    def present_key(self, number: int) -> int:
        """Whose signature settles for an oracle; 0 for nobody's."""
        oracle = self.oracles.get(number)
        if oracle is None or oracle.revoked or oracle.suspended:
            return 0
        return oracle.key

    # Drills ---------------------------------------------------------------------------------

    def list_drill(self, sender: int, oracle: int, tariff: int, label: str) -> CallVerdict:
        """One more drill."""
        faults = self.owners_faults(sender) | self.oracle_faults(oracle)
        faults |= self.tariff_faults(tariff)
        if not label:
            faults.add("drills: label is empty")
        if faults:
            return CallVerdict(faults)
        number = len(self.drills) + 1
        self.drills[number] = DrillBook(oracle, tariff)
        return CallVerdict(faults, [("DrillListed", number, oracle, tariff, label)], (number,))

    def reassign_drill(self, sender: int, number: int, oracle: int, tariff: int) -> CallVerdict:
        """Another box, another offer."""
        faults = self.owners_faults(sender) | self.oracle_faults(oracle)
        faults |= self.tariff_faults(tariff) | self.drill_faults(number)
        if faults:
            return CallVerdict(faults)
        drill = self.drills[number]
        drill.oracle, drill.tariff = oracle, tariff
        return CallVerdict(faults, [("DrillReassigned", number, oracle, tariff)])

    def retire_drill(self, sender: int, number: int) -> CallVerdict:
        """No more rentals of it."""
        faults = self.owners_faults(sender) | self.drill_faults(number)
        if faults:
            return CallVerdict(faults)
        self.drills[number].retired = True
        return CallVerdict(faults, [("DrillRetired", number)])
