/** Receipts that are owed: collected, so that many messages that came together are answered by one. */

import { MAX_RECEIPT_IDS, Receipt, type ReceiptKind } from "../chat/messages.ts"

export class OwedReceipts {
  /** The message ids by how far they have come. */
  readonly byKind = new Map<ReceiptKind, Uint8Array[]>()

  get isEmpty(): boolean {
    return this.byKind.size === 0
  }

  /** One more. */
  owe(kind: ReceiptKind, messageId: Uint8Array): void {
    this.byKind.set(kind, [...(this.byKind.get(kind) ?? []), messageId])
  }

  /** The messages that acknowledge all of it. */
  take(): Receipt[] {
    const owed = [...this.byKind]
    this.byKind.clear()
    return owed.flatMap(([kind, ids]) => inParts(ids).map((messageIds) => Receipt({ kind, messageIds })))
  }
}

function inParts(ids: readonly Uint8Array[]): Uint8Array[][] {
  const count = Math.ceil(ids.length / MAX_RECEIPT_IDS)
  return Array.from({ length: count }, (_, part) => ids.slice(part * MAX_RECEIPT_IDS, (part + 1) * MAX_RECEIPT_IDS))
}
