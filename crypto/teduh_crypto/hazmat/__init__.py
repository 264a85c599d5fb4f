"""The primitives under MLS: cipher suites, HPKE, key derivation, signatures.

Hazardous material: used wrongly, these functions are insecure without saying so. Applications use
`teduh_crypto.mls`; only `ciphersuite` is meant to be named outside this library.
"""
