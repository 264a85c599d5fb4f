/**
 * Pads what members send as `padding.ts` says, on its way into the AEAD: ts-mls can only pad to one length.
 *
 * RFC 9420, 6.3.1: zeros follow the content of a PrivateMessage. ts-mls encrypts three things with the AEAD alone:
 *
 *     content of a message     padded; never as short as sender data, for it holds a signature
 *     sender data (6.3.2)      12 bytes: leaf index, generation, reuse guard
 *     a GroupInfo              has no additional data
 */

import { concatenate } from "../hazmat/bytes.ts"
import type { Hpke } from "./suites.ts"

const SENDER_DATA_LENGTH = 12

/** `hpke`, padding the content of messages by as many zeros as `paddingFor` says of its length. */
export function withPadding(hpke: Hpke, paddingFor: (length: number) => number): Hpke {
  const padded = (content: Uint8Array): Uint8Array =>
    concatenate(content, new Uint8Array(paddingFor(content.length)))
  return {
    ...hpke,
    encryptAead: (key, nonce, aad, plaintext) =>
      hpke.encryptAead(key, nonce, aad, isMessageContent(aad, plaintext) ? padded(plaintext) : plaintext),
  }
}

function isMessageContent(aad: Uint8Array | undefined, plaintext: Uint8Array): boolean {
  return aad !== undefined && aad.length > 0 && plaintext.length !== SENDER_DATA_LENGTH
}
