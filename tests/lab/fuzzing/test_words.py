"""The ABI by hand against the general codec, and signatures against eth-account."""

from __future__ import annotations

from dataclasses import asdict

from contracts.builders import TARIFF, tariff_words
from contracts.evm import CHAIN_ID
from contracts.sources import drill_meter
from eth_abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak

from lab.fuzzing import offers
from lab.fuzzing.people import address, signer
from lab.fuzzing.words import (
    Interface,
    batch_digest,
    domain_separator,
    meter_word,
    numbers,
    settle_arguments,
    tail,
    words,
)
from lab.rig.contract import DEPLOYED
from protocol.meter_word import pack_meter
from protocol.records import Domain, Reading, Registers
from protocol.typed_data import batch_digest as protocol_digest

READINGS = ((7, 1_800_000_001_234, 11, 12, 13, 21, 22, 23, 5, 99), (8, 1, *[0] * 6, 0, 0))
CONTRACT = 0xD00D


def _record(reading):
    until, registers = reading[1], Registers(*reading[2:8])
    return Reading(reading[0], until, registers, reading[8], reading[9].to_bytes(32, "big"))


def test_meter_word__a_reading__is_the_protocols_word():
    for reading in READINGS:
        assert meter_word(reading) == pack_meter(reading[1], Registers(*reading[2:8]))


def test_settle_arguments__two_signatures__are_what_the_codec_encodes():
    signatures = [(1, 1, 2**255, 3), (2, 1, 4, 2**256 - 1)]
    by_codec = encode(
        ["(uint256,uint256,uint256,uint256)[]", "(uint256,uint256,uint256,uint256)[]"],
        [signatures, [(r[0], meter_word(r), r[8], r[9]) for r in READINGS]],
    )
    assert settle_arguments(signatures, READINGS) == by_codec


def test_words_and_tail__a_label__are_what_the_codec_encodes():
    by_codec = encode(["uint256", "uint256", "string"], [3, 4, "yard drill"])
    assert words(3, 4, 96) + tail(b"yard drill") == by_codec
    assert numbers(words(5, 2**256 - 1)) == (5, 2**256 - 1)


def test_batch_digest__two_readings__is_the_wallets_and_the_protocols():
    names = ("rental", "until", *asdict(Registers()), "log_size")
    kinds = [{"name": name, "type": "uint256"} for name in names]
    types = {
        "UsageReading": [*kinds, {"name": "log_root", "type": "bytes32"}],
        "UsageBatch": [{"name": "readings", "type": "UsageReading[]"}],
    }
    rows = [
        dict(zip(names, r[:9], strict=True)) | {"log_root": r[9].to_bytes(32, "big")}
        for r in READINGS
    ]
    contract = f"0x{CONTRACT:040x}"
    where = {
        "name": "DrillMeter",
        "version": "1",
        "chainId": CHAIN_ID,
        "verifyingContract": contract,
    }
    message = encode_typed_data(where, types, {"readings": rows})
    by_wallet = keccak(b"\x19" + message.version + message.header + message.body)
    digest = batch_digest(domain_separator(CHAIN_ID, CONTRACT), READINGS)
    assert digest == by_wallet
    assert digest == protocol_digest(Domain(CHAIN_ID, contract), [_record(r) for r in READINGS])


def test_sign__a_box__recovers_to_its_address():
    digest = keccak(b"anything")
    r, vs = signer("box 0").sign(digest)
    v, r_again, s = signer("box 0").sign_vrs(digest)
    assert (r, vs) == (r_again, s | (v - 27) << 255)
    recovered = Account._recover_hash(digest, vrs=(v, r, s))
    assert int(recovered, 16) == address("box 0")


def test_decode__an_event_with_a_string_and_one_with_a_struct__gives_flat_arguments():
    interface = Interface(drill_meter(DEPLOYED).abi)
    rejected = keccak(text="ReadingRejected(uint256,uint256,string)")
    topics, data = [rejected, words(4)], encode(["uint256", "string"], [9, "in the future"])
    assert interface.decode(topics, data) == ("ReadingRejected", 4, 9, "in the future")
    kinds = "(uint256,uint256,uint256)[3],uint256,uint256"
    published = keccak(text=f"TariffPublished(uint256,{kinds})")
    levels, standing, least, _ = tariff_words(TARIFF)
    data = encode(kinds.replace("[3],", "[3] ").split(" ")[:1], [levels]) + words(standing, least)
    flat = offers.tariff_words(TARIFF)
    assert interface.decode([published, words(1)], data) == ("TariffPublished", 1, *flat)
