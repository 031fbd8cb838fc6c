# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Tariffs: immutable numbered rate tables
@notice A published tariff never changes. A retired one opens no new rental and stays in force for
        those that were opened under it.
"""

from ..interfaces import IDrillMeter
from . import checks
from . import packing

# ---------------------------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------------------------

# @dev How many tariffs were published; numbers start at 1.
tariff_count: uint256

# @dev Each tariff's three packed words (`tariff` in packing.vy), by number; all zero when there is
# none. Once published, only the mark of its retirement changes.
tariffs: HashMap[uint256, uint256[3]]

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
def _publish(t: IDrillMeter.Tariff) -> uint256:
    """
    @dev Stores a new tariff and logs TariffPublished. Reverts when it is marked as retired or a
         field does not fit. The caller has checked that the sender is the owner.
    @param t The tariff.
    @return The number of the tariff, one more than the last.
    """
    checks._require(not t.retired, "tariffs: published as retired")
    tariff: uint256 = self.tariff_count + 1
    self.tariff_count = tariff
    self.tariffs[tariff] = packing._pack_tariff(t)
    log IDrillMeter.TariffPublished(
        tariff=tariff,
        levels=t.levels,
        standing_price_per_second=t.standing_price_per_second,
        least_reserve=t.least_reserve,
    )
    return tariff


@internal
def _retire(tariff: uint256):
    """
    @dev Keeps a tariff from opening new rentals, for good, and logs TariffRetired. Reverts when it
         is unknown or retired. The caller has checked that the sender is the owner.
    @param tariff The tariff's number.
    """
    t: IDrillMeter.Tariff = self._known(tariff)
    checks._require(not t.retired, "tariffs: already retired")
    t.retired = True
    self.tariffs[tariff] = packing._pack_tariff(t)
    log IDrillMeter.TariffRetired(tariff=tariff)


@internal
@view
def _require_known(tariff: uint256):
    """
    @dev Reverts when there is no tariff of that number.
    @param tariff The tariff's number.
    """
    checks._require(self.tariffs[tariff][2] != 0, "tariffs: no such tariff")


@internal
@view
def _rates(tariff: uint256) -> packing.Rates:
    """
    @dev Reads what of a tariff is needed to settle: two of its three words. Never reverts.
    @param tariff The tariff's number.
    @return The rates; all zero for an unknown tariff.
    """
    return packing._unpack_rates(self.tariffs[tariff][0], self.tariffs[tariff][1])


@internal
@view
def _known(tariff: uint256) -> IDrillMeter.Tariff:
    """
    @dev Reads a tariff. Reverts when there is none of that number.
    @param tariff The tariff's number.
    @return The tariff.
    """
    self._require_known(tariff)
    return packing._unpack_tariff(self.tariffs[tariff])


@internal
@view
def _require_offered(tariff: uint256):
    """
    @dev Reverts when a tariff is unknown or retired, and so opens no new rental.
    @param tariff The tariff's number.
    """
    self._require_known(tariff)
    checks._require(not packing._is_retired(self.tariffs[tariff][2]), "tariffs: retired")


@internal
@view
def _least_reserve(tariff: uint256) -> uint256:
    """
    @dev The least that a rental under a tariff has to set aside. Never reverts.
    @param tariff The tariff's number.
    @return In the asset's smallest unit; 0 for an unknown tariff.
    """
    return packing._least_reserve(self.tariffs[tariff][2])
