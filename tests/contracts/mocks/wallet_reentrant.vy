# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A wallet that makes one prepared call when it is called or paid, for tests of re-entrancy
@notice Armed with a call, it makes it once, with coins of its own. Whether it went through is kept in
        `succeeded`; one that failed is passed on, unless `quiet`.
"""

armed: public(bool)
quiet: public(bool)
attempts: public(uint256)
succeeded: public(bool)
target: address
data: Bytes[8192]
coins: uint256


@external
def arm(target: address, data: Bytes[8192], coins: uint256, quiet: bool):
    self.target = target
    self.data = data
    self.coins = coins
    self.quiet = quiet
    self.armed = True
    self.succeeded = False


@external
@payable
def execute(target: address, data: Bytes[8192]):
    raw_call(target, data, value=msg.value)


@external
@payable
def __default__():
    if not self.armed:
        return
    self.armed = False
    self.attempts += 1
    self.succeeded = raw_call(
        self.target, self.data, value=self.coins, revert_on_failure=False
    )
    assert self.succeeded or self.quiet, "wallet: could not re-enter"
