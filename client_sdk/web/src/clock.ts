/** Seconds since 1970, by this device's clock. */
export function nowInSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
