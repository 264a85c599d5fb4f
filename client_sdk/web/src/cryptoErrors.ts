/**
 * What can go wrong in the cryptography, and whose fault it is.
 *
 * A caller that catches `RemoteError` drops the peer's input and goes on; a `LocalError` is a bug or a misuse on this
 * side and should not be swallowed.
 *
 *     TeduhCryptoError
 *     ├── LocalError                    the caller's fault
 *     │   ├── UnsupportedCipherSuite    a code that conversations do not use
 *     │   ├── OperationNotAllowed       not allowed in the group's present state
 *     │   ├── PaddingError              padding asked for that cannot be made
 *     │   └── InvalidReturnCode         (see returnCode/returnCode.ts) what was typed is no return code
 *     ├── RemoteError                   the peer's input is at fault
 *     │   ├── DecodingError             bytes that do not parse
 *     │   ├── InvalidKeyPackage
 *     │   ├── InvalidWelcome
 *     │   ├── InvalidCommit
 *     │   ├── InvalidMessage            does not open, or its sender and content do not fit each other
 *     │   ├── WrongGroup
 *     │   ├── WrongEpoch
 *     │   └── UnsupportedByPolicy       understood, and refused
 *     └── CredentialError               (see credentials/exceptions.ts)
 *
 * Where Python tells forged signatures, trees and paths apart, ts-mls does not; they all come as the error of the
 * operation.
 */

/** Base of every error that the cryptography throws on purpose. */
export class TeduhCryptoError extends Error {
  override get name(): string {
    return this.constructor.name
  }
}

/** The caller asked for something that cannot be done. */
export class LocalError extends TeduhCryptoError {}

/** The cipher suite code is not one that conversations use. */
export class UnsupportedCipherSuite extends LocalError {}

/** The operation is not allowed in the present state of the group. */
export class OperationNotAllowed extends LocalError {}

/** The padding asked for cannot be made. */
export class PaddingError extends LocalError {}

/** The peer's input is at fault; drop it and go on. */
export class RemoteError extends TeduhCryptoError {}

/** The bytes do not parse: truncated, trailing bytes, or not the one encoding of their content. */
export class DecodingError extends RemoteError {}

/** A key package breaks a rule of RFC 9420, section 10.1. */
export class InvalidKeyPackage extends RemoteError {}

/** A welcome breaks a rule of RFC 9420, section 12.4.3.1, or is not for us. */
export class InvalidWelcome extends RemoteError {}

/** A commit breaks a rule of RFC 9420, section 12. */
export class InvalidCommit extends RemoteError {}

/** A framed message breaks a rule of RFC 9420, section 6, or does not open. */
export class InvalidMessage extends RemoteError {}

/** The message belongs to another group. */
export class WrongGroup extends RemoteError {}

/** The message belongs to an epoch that this state cannot read. */
export class WrongEpoch extends RemoteError {}

/** The message is understood, and the policy refuses it. */
export class UnsupportedByPolicy extends RemoteError {}
