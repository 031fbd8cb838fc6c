"""The keys of a box, and the one place where readings are signed.

`places` names where a key is, `sign` opens it: a keystore, or a key that never leaves
(`held_key`), in a PKCS#11 token (`token_key`) or a TPM (`tpm_key` over `tpm_wire` and
`tpm_device`), of one of two `curves`. `keyring` holds the keys in use, `registration` says whether
the contract accepts them, `pen` signs readings, past the journal's guard.
"""
