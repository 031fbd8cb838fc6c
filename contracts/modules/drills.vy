# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Drills: which box meters each one, at which tariff it is on offer, who has rented it
"""

from ..interfaces import IDrillMeter
from . import checks
from . import oracles
from . import packing
from . import tariffs

uses: oracles
uses: tariffs

# ---------------------------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------------------------

# @dev How many drills were listed; numbers start at 1.
drill_count: uint256

# @dev Each drill's packed word (`drill` in packing.vy), by number; zero when there is none.
drills: HashMap[uint256, uint256]

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
def _list(oracle: uint256, tariff: uint256, label: String[64]) -> uint256:
    """
    @dev Puts a new drill on offer and logs DrillListed. Reverts when the oracle is unknown, revoked
         or suspended, the tariff unknown or retired, or the label empty. The caller has checked
         that the sender is the owner.
    @param oracle The number of the box that meters it.
    @param tariff The number of the tariff that it is on offer at.
    @param label What is written on the machine; it is logged and not stored.
    @return The number of the drill, one more than the last.
    """
    oracles._require_trusted(oracle)
    tariffs._require_offered(tariff)
    checks._require(len(label) > 0, "drills: label is empty")
    drill: uint256 = self.drill_count + 1
    self.drill_count = drill
    self._store(drill, IDrillMeter.Drill(oracle=oracle, tariff=tariff, rental=0, retired=False))
    log IDrillMeter.DrillListed(drill=drill, oracle=oracle, tariff=tariff, label=label)
    return drill


@internal
def _reassign(drill: uint256, oracle: uint256, tariff: uint256):
    """
    @dev Gives a free drill another box and another tariff for its next rental, and logs
         DrillReassigned. Reverts when the drill is not free, or the oracle or the tariff would be
         refused by `_list`. The caller has checked that the sender is the owner.
    @param drill The drill's number.
    @param oracle The number of the box that meters it from now on.
    @param tariff The number of the tariff that it is on offer at from now on.
    """
    d: IDrillMeter.Drill = self._free(drill)
    oracles._require_trusted(oracle)
    tariffs._require_offered(tariff)
    d.oracle = oracle
    d.tariff = tariff
    self._store(drill, d)
    log IDrillMeter.DrillReassigned(drill=drill, oracle=oracle, tariff=tariff)


@internal
def _retire(drill: uint256):
    """
    @dev Takes a free drill off the offer for good and logs DrillRetired. Reverts when it is not
         free. The caller has checked that the sender is the owner.
    @param drill The drill's number.
    """
    d: IDrillMeter.Drill = self._free(drill)
    d.retired = True
    self._store(drill, d)
    log IDrillMeter.DrillRetired(drill=drill)


@internal
def _occupy(drill: uint256, rental: uint256) -> IDrillMeter.Drill:
    """
    @dev Marks a free drill as rented; it is freed by `_release`. Reverts when it is not free. The
         caller checks its tariff and its oracle.
    @param drill The drill's number.
    @param rental The number of the rental that takes it.
    @return The drill, with its oracle and the tariff on offer.
    """
    d: IDrillMeter.Drill = self._free(drill)
    d.rental = rental
    self._store(drill, d)
    return d


@internal
def _release(drill: uint256):
    """
    @dev Marks a rented drill as free, retired or not.
    @param drill The drill's number, which is known to exist.
    """
    d: IDrillMeter.Drill = packing._unpack_drill(self.drills[drill])
    d.rental = 0
    self._store(drill, d)


@internal
def _store(drill: uint256, d: IDrillMeter.Drill):
    """
    @dev Writes a drill's word.
    @param drill The drill's number.
    @param d Its new contents.
    """
    self.drills[drill] = packing._pack_drill(d)


@internal
@view
def _known(drill: uint256) -> IDrillMeter.Drill:
    """
    @dev Reads a drill. Reverts when there is none of that number.
    @param drill The drill's number.
    @return The drill.
    """
    word: uint256 = self.drills[drill]
    checks._require(word != 0, "drills: no such drill")
    return packing._unpack_drill(word)


@internal
@view
def _free(drill: uint256) -> IDrillMeter.Drill:
    """
    @dev Reads a drill that can be rented, reassigned or retired. Reverts when it is unknown,
         retired or in a rental.
    @param drill The drill's number.
    @return The drill.
    """
    d: IDrillMeter.Drill = self._known(drill)
    checks._require(not d.retired, "drills: retired")
    checks._require(d.rental == 0, "drills: in a rental")
    return d
