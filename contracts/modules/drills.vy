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

drill_count: uint256
drills: HashMap[uint256, uint256]

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
def _list(oracle: uint256, tariff: uint256, label: String[64]) -> uint256:
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
    d: IDrillMeter.Drill = self._free(drill)
    oracles._require_trusted(oracle)
    tariffs._require_offered(tariff)
    d.oracle = oracle
    d.tariff = tariff
    self._store(drill, d)
    log IDrillMeter.DrillReassigned(drill=drill, oracle=oracle, tariff=tariff)


@internal
def _retire(drill: uint256):
    d: IDrillMeter.Drill = self._free(drill)
    d.retired = True
    self._store(drill, d)
    log IDrillMeter.DrillRetired(drill=drill)


@internal
def _occupy(drill: uint256, rental: uint256) -> IDrillMeter.Drill:
    d: IDrillMeter.Drill = self._free(drill)
    d.rental = rental
    self._store(drill, d)
    return d


@internal
def _release(drill: uint256):
    d: IDrillMeter.Drill = packing._unpack_drill(self.drills[drill])
    d.rental = 0
    self._store(drill, d)


@internal
def _store(drill: uint256, d: IDrillMeter.Drill):
    self.drills[drill] = packing._pack_drill(d)


@internal
@view
def _known(drill: uint256) -> IDrillMeter.Drill:
    word: uint256 = self.drills[drill]
    checks._require(word != 0, "drills: no such drill")
    return packing._unpack_drill(word)


@internal
@view
def _free(drill: uint256) -> IDrillMeter.Drill:
    d: IDrillMeter.Drill = self._known(drill)
    checks._require(not d.retired, "drills: retired")
    checks._require(d.rental == 0, "drills: in a rental")
    return d
