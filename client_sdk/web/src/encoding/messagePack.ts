/**
 * MessagePack from untrusted bytes, as msgspec reads it in Python: strings are UTF-8, a float is no whole number, and
 * what nobody asks for is passed over whatever it is.
 *
 * Values that no message of ours has, such as floats, maps, numbers beyond 2**53 and text that is not UTF-8, are `FOREIGN`: no
 * field takes it, and an element that a newer peer appended may be it.
 */

/** What no field takes. */
export const FOREIGN: unique symbol = Symbol("foreign")

/** Of arrays and maps in each other. */
const MAX_DEPTH = 512
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The array that is all of `data`; throws a `RangeError` if it is none, or something trails it. */
export function decodeArray(data: Uint8Array): readonly unknown[] {
  const reader = new Reader(data)
  const value = reader.value(MAX_DEPTH)
  if (!Array.isArray(value) || !reader.isAtEnd) throw new RangeError("not one array")
  return value
}

class Reader {
  readonly #data: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(data: Uint8Array) {
    this.#data = data
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  }

  get isAtEnd(): boolean {
    return this.#at === this.#data.length
  }

  value(depth: number): unknown {
    const head = this.#uint(1)
    if (head < 0x80) return head
    if (head < 0x90) return this.#map(head & 0x0f, depth)
    if (head < 0xa0) return this.#array(head & 0x0f, depth)
    if (head < 0xc0) return this.#text(head & 0x1f)
    if (head >= 0xe0) return head - 0x100
    switch (head) {
      case 0xc0:
        return null
      case 0xc2:
      case 0xc3:
        return head === 0xc3
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#uint(1 << (head - 0xc4)))
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#foreign(this.#uint(1 << (head - 0xc7)) + 1)
      case 0xca:
        return this.#foreign(4)
      case 0xcb:
        return this.#foreign(8)
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(1 << (head - 0xcc))
      case 0xcf:
        return exact(this.#view.getBigUint64(this.#advance(8)))
      case 0xd0:
        return this.#view.getInt8(this.#advance(1))
      case 0xd1:
        return this.#view.getInt16(this.#advance(2))
      case 0xd2:
        return this.#view.getInt32(this.#advance(4))
      case 0xd3:
        return exact(this.#view.getBigInt64(this.#advance(8)))
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (head - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(2 << (head - 0xdc)), depth)
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(2 << (head - 0xde)), depth)
      case 0xc1:
        throw new RangeError("no MessagePack begins so")
      default:
        return this.#foreign((1 << (head - 0xd4)) + 1)
    }
  }

  /** Go on by `length` bytes; returns where they begin. */
  #advance(length: number): number {
    const from = this.#at
    if (length > this.#data.length - from) throw new RangeError("cut off")
    this.#at += length
    return from
  }

  #uint(length: number): number {
    const at = this.#advance(length)
    if (length === 1) return this.#view.getUint8(at)
    return length === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at)
  }

  #take(length: number): Uint8Array {
    const at = this.#advance(length)
    return this.#data.subarray(at, at + length)
  }

  #foreign(length: number): typeof FOREIGN {
    this.#advance(length)
    return FOREIGN
  }

  #text(length: number): unknown {
    const bytes = this.#take(length)
    try {
      return utf8.decode(bytes)
    } catch {
      return FOREIGN
    }
  }

  #array(length: number, depth: number): unknown[] {
    if (depth === 0) throw new RangeError("too deep")
    const elements: unknown[] = []
    for (let left = length; left > 0; left -= 1) elements.push(this.value(depth - 1))
    return elements
  }

  #map(length: number, depth: number): typeof FOREIGN {
    this.#array(2 * length, depth)
    return FOREIGN
  }
}

function exact(value: bigint): unknown {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : FOREIGN
}
