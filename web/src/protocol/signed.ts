/** Digests of readings and leases (EIP-712), and who signed them. Source: protocol/typed_data.py. */

import { type Address, hashTypedData, recoverAddress } from 'viem'
import { DOMAIN_NAME, DOMAIN_VERSION, TYPES } from '../generated/protocol'
import type { Domain, Hex, Lease, Reading } from './records'

/** A larger s is the malleable twin of a smaller one (EIP-2); the contract and the box refuse it. */
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n

function typedDomain(domain: Domain) {
  return {
    name: DOMAIN_NAME,
    version: DOMAIN_VERSION,
    chainId: domain.chain_id,
    verifyingContract: domain.contract,
  }
}

/** The bytes32 that an oracle signs for a batch; a live receipt is a batch of one. */
export function batchDigest(domain: Domain, readings: readonly Reading[]): Hex {
  return hashTypedData({
    domain: typedDomain(domain),
    types: TYPES,
    primaryType: 'UsageBatch',
    message: { readings: [...readings] },
  })
}

/** The bytes32 that an oracle signs for a start lease. */
export function leaseDigest(domain: Domain, lease: Lease): Hex {
  return hashTypedData({
    domain: typedDomain(domain),
    types: TYPES,
    primaryType: 'StartLease',
    message: lease,
  })
}

/** Whose key signed `digest`; undefined for anything but a signature of 65 bytes with a low s. */
export async function signerOf(digest: Hex, signature: Hex): Promise<Address | undefined> {
  if (!/^0x[0-9a-f]{128}(1b|1c)$/i.test(signature)) return undefined
  if (BigInt(`0x${signature.slice(66, 130)}`) > HALF_ORDER) return undefined
  try {
    return await recoverAddress({ hash: digest, signature })
  } catch {
    // No point of the curve has this r: nobody's signature.
    return undefined
  }
}
