// An EVM behind a pipe: a JSON request a line on standard input, a JSON answer a line on standard output.
//
// EthereumJS with a state of its own, for interpreters of Python that pyrevm has no wheel for. A request
// names the machine that it is for; numbers and bytes travel as 0x-prefixed hexadecimal.

import readline from 'node:readline'
import { Mainnet, createCustomCommon } from '@ethereumjs/common'
import { createEVM } from '@ethereumjs/evm'
import { Account, Address, bytesToHex, createAddressFromString, hexToBytes, setLengthLeft } from '@ethereumjs/util'
import { OriginalStorageCache } from '@ethereumjs/statemanager'
import { keccak_256 } from '@noble/hashes/sha3.js'

// Where a contract's code may jump to is found anew for each call, which takes a third of the time.
const { Interpreter } = await import(new URL('./interpreter.js', import.meta.resolve('@ethereumjs/evm')))
const analyse = Interpreter.prototype._getValidJumpDestinations
const analysed = new WeakMap()
Interpreter.prototype._getValidJumpDestinations = function (code) {
  if (!analysed.has(code)) analysed.set(code, analyse.call(this, code))
  return analysed.get(code)
}

const INTRINSIC_GAS = 21_000n
const CREATION_GAS = 32_000n
const NOTHING = new Uint8Array(0)

/** Accounts, code and storage with a log of what each write replaced, so that going back is cheap. */
class UndoableState {
  constructor() {
    this.accounts = new Map()
    this.codes = new Map()
    this.words = new Map()
    this.replaced = []
    this.checkpoints = []
    this.originalStorageCache = new OriginalStorageCache(this.getStorage.bind(this))
  }

  write(map, key, value) {
    this.replaced.push([map, key, map.get(key)])
    map.set(key, value)
  }

  undoTo(length) {
    while (this.replaced.length > length) {
      const [map, key, before] = this.replaced.pop()
      if (before === undefined) map.delete(key)
      else map.set(key, before)
    }
  }

  async checkpoint() { this.checkpoints.push(this.replaced.length) }
  async commit() { this.checkpoints.pop() }
  async revert() { this.undoTo(this.checkpoints.pop()) }

  async getAccount(address) {
    const found = this.accounts.get(address.toString())
    return found && new Account(found.nonce, found.balance, found.storageRoot, found.codeHash)
  }

  async putAccount(address, account) {
    this.write(this.accounts, address.toString(), account && new Account(account.nonce, account.balance, account.storageRoot, account.codeHash))
  }

  async deleteAccount(address) { this.write(this.accounts, address.toString(), undefined) }

  async modifyAccountFields(address, fields) {
    const account = (await this.getAccount(address)) ?? new Account()
    await this.putAccount(address, Object.assign(account, fields))
  }

  async getCode(address) { return this.codes.get(address.toString()) ?? NOTHING }
  async getCodeSize(address) { return (await this.getCode(address)).length }

  async putCode(address, code) {
    this.write(this.codes, address.toString(), code)
    await this.modifyAccountFields(address, { codeHash: keccak_256(code) })
  }

  async getStorage(address, key) { return this.words.get(`${address}_${bytesToHex(key)}`) ?? NOTHING }
  async putStorage(address, key, value) { this.write(this.words, `${address}_${bytesToHex(key)}`, value) }

  async clearStorage(address) {
    for (const key of [...this.words.keys()]) if (key.startsWith(`${address}_`)) this.write(this.words, key, undefined)
  }

  clearCaches() {}
  async flush() {}
}

const gasOfData = (data) => data.reduce((sum, byte) => sum + (byte === 0 ? 4n : 16n), 0n)

class Machine {
  static async create({ chain_id, hardfork }) {
    const machine = new Machine()
    const common = createCustomCommon({ chainId: Number(chain_id) }, Mainnet, { hardfork })
    machine.state = new UndoableState()
    machine.evm = await createEVM({ common, stateManager: machine.state, allowUnlimitedContractSize: true })
    return machine
  }

  set_block({ number, timestamp, gas_limit }) {
    this.block = {
      header: {
        number: BigInt(number), timestamp: BigInt(timestamp), gasLimit: BigInt(gas_limit), coinbase: new Address(new Uint8Array(20)),
        difficulty: 0n, prevRandao: new Uint8Array(32), baseFeePerGas: 0n, slotNumber: 0n, getBlobGasPrice: () => 1n,
      },
    }
  }

  async balance({ who }) {
    return `0x${((await this.state.getAccount(createAddressFromString(who)))?.balance ?? 0n).toString(16)}`
  }

  async set_balance({ who, amount }) {
    await this.state.modifyAccountFields(createAddressFromString(who), { balance: BigInt(amount) })
  }

  async code({ who }) { return bytesToHex(await this.state.getCode(createAddressFromString(who))) }
  async set_code({ who, code }) { await this.state.putCode(createAddressFromString(who), hexToBytes(code)) }

  async word({ who, slot }) { return bytesToHex(await this.state.getStorage(createAddressFromString(who), setLengthLeft(hexToBytes(slot), 32))) }

  async set_word({ who, slot, word }) {
    await this.state.putStorage(createAddressFromString(who), setLengthLeft(hexToBytes(slot), 32), hexToBytes(word))
  }

  snapshot() { return this.state.replaced.length }
  revert({ snapshot }) { this.state.undoTo(snapshot) }

  /** A transaction, or a view, which may not change anything and leaves no trace. */
  async run({ caller, to, data, value, gas, is_static }) {
    const [from, target, input] = [createAddressFromString(caller), to ? createAddressFromString(to) : undefined, hexToBytes(data)]
    const amount = BigInt(value)
    const intrinsic = INTRINSIC_GAS + gasOfData(input) + (target ? 0n : CREATION_GAS + 2n * BigInt(Math.ceil(input.length / 32)))
    if (amount > ((await this.state.getAccount(from))?.balance ?? 0n)) return { halt: 'not enough coins for the value' }
    if (BigInt(gas) < intrinsic) return { halt: 'not enough gas for the transaction itself' }
    const before = this.state.replaced.length
    for (const warm of [from, target]) if (warm) this.evm.journal.addWarmedAddress(warm.bytes)
    for (const precompile of this.evm.precompiles.keys()) this.evm.journal.addWarmedAddress(hexToBytes(`0x${precompile}`))
    const { createdAddress, execResult } = await this.evm.runCall({
      caller: from, to: target, data: input, value: amount, gasLimit: BigInt(gas) - intrinsic, block: this.block, isStatic: is_static,
    })
    await this.evm.journal.cleanup()
    this.evm.transientStorage.clear()
    this.state.originalStorageCache.clear()
    if (is_static) this.state.undoTo(before)
    const output = bytesToHex(execResult.returnValue)
    const error = execResult.exceptionError?.error
    if (error === 'revert') return { revert: output }
    if (error !== undefined) return { halt: error }
    const used = intrinsic + execResult.executionGasUsed
    const refund = execResult.gasRefund ?? 0n
    return {
      output: target ? output : createdAddress.toString(),
      gas_used: Number(used - (refund < used / 5n ? refund : used / 5n)),
      logs: (execResult.logs ?? []).map(([address, topics, bytes]) => [bytesToHex(address), topics.map(bytesToHex), bytesToHex(bytes)]),
    }
  }
}

const machines = new Map()

async function answer({ machine, method, ...values }) {
  if (method === 'create') {
    machines.set(machine, await Machine.create(values))
    return null
  }
  if (method === 'forget') {
    machines.delete(machine)
    return null
  }
  return (await machines.get(machine)[method](values)) ?? null
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let reply
  try {
    reply = { result: await answer(JSON.parse(line)) }
  } catch (error) {
    reply = { error: String(error.stack) }
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`)
}
