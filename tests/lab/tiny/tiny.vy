# pragma version 0.4.3
"""
@title Something to break
"""

count: public(uint256)


@external
def add(amount: uint256):
    assert amount > 0, "nothing to add"
    self.count += amount


@external
@view
def twice() -> uint256:
    return self.count * 2
