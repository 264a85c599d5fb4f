/** Says that something waits, by the title and a tone, and never what. */

const TITLE = "Console"

/** The title of the page when so many things wait. */
export function titleFor(count: number): string {
  return count === 0 ? TITLE : `(${count}) ${TITLE}`
}

/** A tone made on the spot: nothing is loaded. Browsers allow it once somebody has used the page. */
export class Tone {
  #context: AudioContext | null = null

  play(): void {
    this.#context ??= new AudioContext()
    const { currentTime, destination } = this.#context
    const gain = new GainNode(this.#context, { gain: 0 })
    gain.gain.setTargetAtTime(0.12, currentTime, 0.01)
    gain.gain.setTargetAtTime(0, currentTime + 0.12, 0.05)
    const tone = new OscillatorNode(this.#context, { type: "sine", frequency: 660 })
    tone.connect(gain).connect(destination)
    tone.start(currentTime)
    tone.stop(currentTime + 0.6)
  }
}
