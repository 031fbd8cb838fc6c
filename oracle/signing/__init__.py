"""The keys of a box, and the one place where readings are signed.

`places` names where a key is, `sign` opens keystores, `token_key` a PKCS#11 token; `keyring` holds
the keys in use, `registration` says whether the contract accepts them, `pen` signs readings, past
the journal's guard.
"""
