/** What a drill's controller reports in 96 bytes. Source, with the layout: protocol/sample.py. */

export const SAMPLE_BYTES = 96

export interface Sample {
  readonly sequence: bigint
  /** Unix ms, the controller's clock. */
  readonly time_ms: bigint
  readonly drill: number
  /** 1, 2 or 3. */
  readonly level: number
  readonly motor_on: boolean
  readonly rpm: number
  /** Millinewton metres, signed. */
  readonly torque_mnm: number
  /** Whose log it belongs to; 0 for nobody's. */
  readonly rental: bigint
}

const MOTOR_ON = 1
const VERSION = 2

/** The fields that the page shows; the bytes are believed only under a signed root. */
export function decodeSample(bytes: Uint8Array): Sample {
  if (bytes.length !== SAMPLE_BYTES) throw new RangeError(`a sample has ${SAMPLE_BYTES} bytes, not ${bytes.length}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const flags = view.getUint8(21)
  if (flags >> 4 !== VERSION) throw new RangeError(`a sample of layout ${flags >> 4}, not of layout ${VERSION}`)
  return {
    sequence: view.getBigUint64(0),
    time_ms: view.getBigUint64(8),
    drill: view.getUint32(16),
    level: view.getUint8(20),
    motor_on: (flags & MOTOR_ON) !== 0,
    rpm: view.getUint32(24),
    torque_mnm: view.getInt32(28),
    rental: view.getBigUint64(40),
  }
}
