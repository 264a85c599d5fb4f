/** How loud a microphone is, for the bar beside it: she sees that it hears her before anybody else does. */

const TIMES_A_SECOND = 10
/** Room noise of a quiet room, and a person who speaks near a phone, in decibels below the loudest. */
const QUIET_DB = -60
const LOUD_DB = -12

/** Measures until it is stopped; `emit` gets a share from 0 to 1. Nothing of it is kept or sent. */
export function listenTo(track: MediaStreamTrack, emit: (loudness: number) => void): () => void {
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    emit(loudnessOf(samples))
  }, 1000 / TIMES_A_SECOND)
  return () => {
    clearInterval(timer)
    void context.close().catch(ignore)
  }
}

/** The loudness of samples from -1 to 1, as a share of what a person speaks like. */
export function loudnessOf(samples: Float32Array): number {
  const power = samples.reduce((total, sample) => total + sample * sample, 0) / Math.max(1, samples.length)
  const decibels = 10 * Math.log10(Math.max(power, 1e-12))
  return Math.min(1, Math.max(0, (decibels - QUIET_DB) / (LOUD_DB - QUIET_DB)))
}

function ignore(): void {
  // It was closed already.
}
