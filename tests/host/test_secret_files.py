"""Secrets on disk: who may read them, what a line is, and that nothing quotes one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from host.errors import SecretError
from host.secret_files import LARGEST_BYTES, read_message_key, read_private, read_secret
from lab.rig.box_files import write_secret

DIGITS = "ab" * 32


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_read_secret__mode_of_its_owner_alone__read(tmp_path: Path, mode: int) -> None:
    write_secret(tmp_path / "pin", "1234 5678\n")
    (tmp_path / "pin").chmod(mode)

    assert read_secret(tmp_path / "pin", "PIN") == "1234 5678"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o666])
def test_readers__mode_for_others__refused_and_not_quoted(tmp_path: Path, mode: int) -> None:
    write_secret(tmp_path / "pin", DIGITS + "\n")
    (tmp_path / "pin").chmod(mode)

    for reader in (read_secret, read_private, read_message_key):
        with pytest.raises(SecretError, match=rf"mode {mode:o}.*chmod 600") as caught:
            reader(tmp_path / "pin", "PIN")
        assert DIGITS not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("a b", "a b"),
        ("a b\n", "a b"),
        ("a b\r\n", "a b"),
        (" a b \n", " a b "),
        ("a\tb\t\n", "a\tb\t"),
        ("a\u2028b\x0c\n", "a\u2028b\x0c"),
        ("\u00fc\n", "\u00fc"),
    ],
)
def test_read_secret__one_line__as_it_stands_without_its_end(
    tmp_path: Path, text: str, secret: str
) -> None:
    write_secret(tmp_path / "password", "")
    (tmp_path / "password").write_bytes(text.encode())

    assert read_secret(tmp_path / "password", "password") == secret


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"1234\n5678\n", "has 2 lines, not one"),
        (b"1234\n\n", "has 2 lines, not one"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\r\n", "is empty"),
        (b"1234\xff", "is not UTF-8 text"),
        (b"1" * (LARGEST_BYTES + 1), "is larger than 65536 bytes"),
    ],
)
def test_read_secret__not_one_line_of_text__refused_and_not_quoted(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    write_secret(tmp_path / "pin", "")
    (tmp_path / "pin").write_bytes(content)

    with pytest.raises(SecretError, match=rf"PIN file .*/pin {complaint}") as caught:
        read_secret(tmp_path / "pin", "PIN")
    assert "1234" not in str(caught.value)


def test_read_secret__no_plain_file__refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(0o700)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    for name, complaint in (
        ("pipe", "is not a plain file"),
        ("folder", "is a folder"),
        ("gone", "No such file"),
        ("loop", "Too many levels"),
    ):
        with pytest.raises(SecretError, match=complaint):
            read_secret(tmp_path / name, "PIN")
    with pytest.raises(SecretError, match="is not a plain file"):
        read_secret(Path("/dev/zero"), "PIN")


def test_read_message_key__64_digits__are_32_bytes(tmp_path: Path) -> None:
    write_secret(tmp_path / "key", DIGITS + "\n")

    assert read_message_key(tmp_path / "key", "message key") == b"\xab" * 32


@pytest.mark.parametrize("text", ["ab", DIGITS + "ab", "0x" + DIGITS, DIGITS + " ", "g" * 64])
def test_read_message_key__anything_else__named_and_not_quoted(tmp_path: Path, text: str) -> None:
    write_secret(tmp_path / "key", text + "\n")

    with pytest.raises(SecretError, match=r"key file .*/key: a message key is 64 hex") as caught:
        read_message_key(tmp_path / "key", "drill 1's message key")
    assert "gggg" not in str(caught.value)
    assert DIGITS not in str(caught.value)
