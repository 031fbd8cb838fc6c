# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title What EIP-7951 puts at address 0x100, for test chains that lack it
@notice Takes digest, r, s, x and y, a word each, and answers 1 when (r, s) is the signature of the
        digest by the P-256 key (x, y), and nothing otherwise. Written for the tests: it is far too
        dear for anything else. tests/integration/test_p256.py compares it with the real one.
"""

P: constant(uint256) = (
    115792089210356248762697446949407573530086143415290314195533631308867097853951
)
N: constant(uint256) = (
    115792089210356248762697446949407573529996955224135760342422259061068512044369
)
B: constant(uint256) = (
    41058363725152142129326129780047268409114441015993725554835256314039467401291
)
GX: constant(uint256) = (
    48439561293906451759052585252797914202762949526041747995844080717082404635286
)
GY: constant(uint256) = (
    36134250956749795798585127919587881956611106672985015071877198253568414405109
)

# Jacobian: (x / z**2, y / z**3); z = 0 is the point at infinity.
struct Point:
    x: uint256
    y: uint256
    z: uint256


@external
@view
@raw_return
def __default__() -> Bytes[32]:
    if len(msg.data) == 160:
        data: Bytes[160] = slice(msg.data, 0, 160)
        if self._verifies(
            convert(extract32(data, 0), uint256),
            convert(extract32(data, 32), uint256),
            convert(extract32(data, 64), uint256),
            convert(extract32(data, 96), uint256),
            convert(extract32(data, 128), uint256),
        ):
            return concat(convert(1, bytes32), b"")
    return b""


@internal
@pure
def _verifies(digest: uint256, r: uint256, s: uint256, x: uint256, y: uint256) -> bool:
    if r == 0 or r >= N or s == 0 or s >= N or x >= P or y >= P:
        return False
    # y**2 = x**3 - 3 x + B; the point at infinity, (0, 0), is not on it.
    cube: uint256 = self._times(x, self._times(x, x))
    right: uint256 = uint256_addmod(self._minus(cube, self._times(3, x)), B, P)
    if self._times(y, y) != right:
        return False
    inverse: uint256 = self._inverse(s)
    generator: Point = Point(x=GX, y=GY, z=1)
    point: Point = Point(x=x, y=y, z=1)
    sum: Point = self._sum(
        uint256_mulmod(digest, inverse, N), generator, uint256_mulmod(r, inverse, N), point
    )
    if sum.z == 0:
        return False
    scale: uint256 = self._times(sum.z, sum.z)
    if self._times(r, scale) == sum.x:
        return True
    return r < P - N and self._times(r + N, scale) == sum.x


@internal
@pure
def _sum(k: uint256, a: Point, m: uint256, b: Point) -> Point:
    """
    @dev k a + m b, bit by bit from the highest.
    """
    both: Point = self._add(a, b)
    total: Point = empty(Point)
    for i: uint256 in range(256):
        total = self._double(total)
        bits: uint256 = 2 * ((k >> (255 - i)) & 1) + ((m >> (255 - i)) & 1)
        if bits == 3:
            total = self._add(total, both)
        elif bits == 2:
            total = self._add(total, a)
        elif bits == 1:
            total = self._add(total, b)
    return total


@internal
@pure
def _add(a: Point, b: Point) -> Point:
    if a.z == 0:
        return b
    if b.z == 0:
        return a
    zz_a: uint256 = self._times(a.z, a.z)
    zz_b: uint256 = self._times(b.z, b.z)
    x_a: uint256 = self._times(a.x, zz_b)
    y_a: uint256 = self._times(a.y, self._times(b.z, zz_b))
    h: uint256 = self._minus(self._times(b.x, zz_a), x_a)
    slope: uint256 = self._minus(self._times(b.y, self._times(a.z, zz_a)), y_a)
    if h == 0:
        if slope == 0:
            return self._double(a)
        return empty(Point)
    hh: uint256 = self._times(h, h)
    hhh: uint256 = self._times(h, hh)
    base: uint256 = self._times(x_a, hh)
    x: uint256 = self._minus(self._minus(self._times(slope, slope), hhh), self._times(2, base))
    y: uint256 = self._minus(
        self._times(slope, self._minus(base, x)), self._times(y_a, hhh)
    )
    return Point(x=x, y=y, z=self._times(h, self._times(a.z, b.z)))


@internal
@pure
def _double(a: Point) -> Point:
    if a.z == 0:
        return a
    zz: uint256 = self._times(a.z, a.z)
    yy: uint256 = self._times(a.y, a.y)
    beta: uint256 = self._times(a.x, yy)
    alpha: uint256 = self._times(
        3, self._times(self._minus(a.x, zz), uint256_addmod(a.x, zz, P))
    )
    x: uint256 = self._minus(self._times(alpha, alpha), self._times(8, beta))
    y: uint256 = self._minus(
        self._times(alpha, self._minus(self._times(4, beta), x)),
        self._times(8, self._times(yy, yy)),
    )
    return Point(x=x, y=y, z=self._times(2, self._times(a.y, a.z)))


@internal
@pure
def _times(a: uint256, b: uint256) -> uint256:
    return uint256_mulmod(a, b, P)


@internal
@pure
def _minus(a: uint256, b: uint256) -> uint256:
    return uint256_addmod(a, P - b, P)


@internal
@pure
def _inverse(a: uint256) -> uint256:
    """
    @dev a**(N - 2) modulo N.
    """
    result: uint256 = 1
    for i: uint256 in range(256):
        result = uint256_mulmod(result, result, N)
        if ((N - 2) >> (255 - i)) & 1 == 1:
            result = uint256_mulmod(result, a, N)
    return result
