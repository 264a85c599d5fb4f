"""What can go wrong, and whose fault it is.

A caller that catches `RemoteError` drops the peer's input and goes on; a `LocalError` is a bug or a
misuse on this side and should not be swallowed. Decoders, `unprotect` and `join` raise nothing but
`RemoteError`s on arbitrary bytes.

    TeduhCryptoError
    ├── LocalError                    the caller's fault
    │   ├── UnsupportedCipherSuite    a code that this library does not implement
    │   ├── InvalidPrivateKey         private key bytes that are not a key of the suite
    │   ├── OperationNotAllowed       not allowed in the group's present state
    │   ├── UnknownMember             no member at the leaf that was named
    │   ├── PaddingError              padding asked for that cannot be made
    │   └── InvalidReturnCode         (teduh_crypto.return_code) what was typed is no return code
    ├── RemoteError                   the peer's input is at fault
    │   ├── DecodingError             bytes that do not parse
    │   ├── InvalidPublicKey          a public key off its curve, of low order, or of the wrong length
    │   ├── InvalidSignature
    │   ├── InvalidMac                confirmation tag, membership tag
    │   ├── DecryptionFailed
    │   ├── InvalidTree               ratchet tree: parent hashes, duplicate keys, blank tail, ...
    │   ├── InvalidLeafNode
    │   ├── InvalidKeyPackage
    │   ├── InvalidProposalList
    │   ├── InvalidCommit
    │   ├── InvalidUpdatePath
    │   ├── InvalidGroupInfo
    │   ├── InvalidWelcome
    │   ├── InvalidMessage            framing: sender and content do not fit each other
    │   ├── UnknownPsk                a pre-shared key that the caller did not give
    │   ├── UnknownProposal           a commit refers to a proposal that never came
    │   ├── WrongGroup
    │   ├── WrongEpoch
    │   ├── GenerationConsumed        a message key that was used, or dropped as too old
    │   ├── GenerationTooDistant      a message key further ahead than the window
    │   └── UnsupportedByPolicy       understood, and refused
    └── CredentialError               (teduh_crypto.credentials.exceptions)
"""

from __future__ import annotations


class TeduhCryptoError(Exception):
    """Base of every error that this library raises on purpose."""


class LocalError(TeduhCryptoError):
    """The caller asked for something that cannot be done."""


class UnsupportedCipherSuite(LocalError):
    """The cipher suite code is not one that this library implements."""


class InvalidPrivateKey(LocalError):
    """The private key bytes are not a key of the cipher suite, or do not fit the public key beside them."""


class OperationNotAllowed(LocalError):
    """The operation is not allowed in the present state of the group."""


class UnknownMember(LocalError):
    """The group has no member at the named leaf."""


class PaddingError(LocalError):
    """The padding asked for cannot be made: a negative length, or more than the largest step."""


class RemoteError(TeduhCryptoError):
    """The peer's input is at fault; drop it and go on."""


class DecodingError(RemoteError):
    """The bytes do not parse: truncated, trailing bytes, a bad length prefix, or over a size cap."""


class InvalidPublicKey(RemoteError):
    """A public key has the wrong length, is not on its curve, or is a point of low order."""


class InvalidSignature(RemoteError):
    """A signature does not verify."""


class InvalidMac(RemoteError):
    """A confirmation tag or membership tag does not verify."""


class DecryptionFailed(RemoteError):
    """A ciphertext does not open under the key, nonce and additional data."""


class InvalidTree(RemoteError):
    """The ratchet tree breaks a rule of RFC 9420, section 7 or 12.4.3.1."""


class InvalidLeafNode(RemoteError):
    """A leaf node breaks a rule of RFC 9420, section 7.3."""


class InvalidKeyPackage(RemoteError):
    """A key package breaks a rule of RFC 9420, section 10.1."""


class InvalidProposalList(RemoteError):
    """The proposals of a commit break a rule of RFC 9420, section 12.2."""


class InvalidCommit(RemoteError):
    """A commit breaks a rule of RFC 9420, section 12.4.2."""


class InvalidUpdatePath(InvalidCommit):
    """The update path of a commit breaks a rule of RFC 9420, section 7.5 to 7.9."""


class InvalidGroupInfo(RemoteError):
    """A group info breaks a rule of RFC 9420, section 12.4.3."""


class InvalidWelcome(RemoteError):
    """A welcome breaks a rule of RFC 9420, section 12.4.3.1, or is not for us."""


class InvalidMessage(RemoteError):
    """A framed message breaks a rule of RFC 9420, section 6."""


class UnknownPsk(RemoteError):
    """The peer names a pre-shared key that the caller did not give."""


class UnknownProposal(RemoteError):
    """A commit refers to a proposal that was not received in this epoch."""


class WrongGroup(RemoteError):
    """The message belongs to another group."""


class WrongEpoch(RemoteError):
    """The message belongs to an epoch that this state cannot read."""


class GenerationConsumed(RemoteError):
    """The message key was used already, or was dropped because it is too old."""


class GenerationTooDistant(RemoteError):
    """The message key lies further ahead than this state is willing to derive."""


class UnsupportedByPolicy(RemoteError):
    """The message is understood, and the group's policy refuses it."""
