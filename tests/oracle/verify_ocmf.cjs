// Checks an OCMF record with @road-labs/ocmf: the record on stdin, the public key (DER, hex) as the
// only argument. Prints {"verified": ..., "payload": ..., "begin": ...} or ends with an error.
const { readFileSync } = require('node:fs');
const { Verifier, parseDate } = require('@road-labs/ocmf');
const { Crypto } = require('@road-labs/ocmf-crypto-noble');

async function main() {
  const crypto = new Crypto();
  const key = await crypto.decodeEcPublicKey(Buffer.from(process.argv[2], 'hex'), 'spki-der');
  const result = await new Verifier(crypto).parseAndVerify(readFileSync(0, 'utf8'), key);
  const payload = result.value?.payloadData;
  const dates = payload?.RD.map((reading) => parseDate(reading.TM)).map(([date]) => date.getTime());
  process.stdout.write(JSON.stringify({ verified: result.verified, payload, dates }));
}

main();
