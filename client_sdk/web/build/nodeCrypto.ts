/** Stands in for Node's `crypto` in the pages: libraries ask it for WebCrypto where there is no global one. */

export const webcrypto = globalThis.crypto
