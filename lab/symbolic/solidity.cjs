// Compile a folder of Solidity files into artefacts as Foundry lays them out, for halmos.
//   node solidity.cjs SOLC_PACKAGE OUT SOURCES...
'use strict'
const fs = require('node:fs')
const path = require('node:path')

const [solcPackage, out, ...folders] = process.argv.slice(2)
const solc = require(solcPackage)

const sources = {}
for (const folder of folders) {
  for (const file of fs.readdirSync(folder).filter((name) => name.endsWith('.sol'))) {
    sources[file] = { content: fs.readFileSync(path.join(folder, file), 'utf8') }
  }
}
const wanted = ['abi', 'metadata', 'evm.bytecode', 'evm.deployedBytecode', 'evm.methodIdentifiers']
const settings = {
  evmVersion: 'cancun',
  optimizer: { enabled: true, runs: 1 },
  outputSelection: { '*': { '': ['ast'], '*': wanted } },
}
const input = { language: 'Solidity', sources, settings }
const output = JSON.parse(solc.compile(JSON.stringify(input)))

const messages = output.errors ?? []
for (const message of messages) console.error(message.formattedMessage)
if (messages.length > 0) process.exit(1)

for (const [file, contracts] of Object.entries(output.contracts)) {
  fs.mkdirSync(path.join(out, file), { recursive: true })
  for (const [name, contract] of Object.entries(contracts)) {
    const { bytecode, deployedBytecode, methodIdentifiers } = contract.evm
    const artefact = {
      abi: contract.abi,
      ast: output.sources[file].ast,
      bytecode: { object: '0x' + bytecode.object, linkReferences: {} },
      deployedBytecode: { object: '0x' + deployedBytecode.object, linkReferences: {} },
      id: output.sources[file].id,
      metadata: JSON.parse(contract.metadata || '{"compiler":{"version":""},"output":{}}'),
      methodIdentifiers,
    }
    fs.writeFileSync(path.join(out, file, name + '.json'), JSON.stringify(artefact))
  }
}
