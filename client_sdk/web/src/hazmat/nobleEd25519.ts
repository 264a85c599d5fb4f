/** What of @noble/curves steps in on older phones, by name, so that bundlers leave out the rest of that module. */

export { ed25519 } from "@noble/curves/ed25519.js"
