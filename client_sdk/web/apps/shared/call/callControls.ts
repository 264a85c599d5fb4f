import type { BrowserCall } from "../../../src/call/media/browserCall.ts"

/** What the page does with a call; a test gives it a made-up one. */
export type CallControls = Pick<
  BrowserCall,
  | "prepare"
  | "ring"
  | "accept"
  | "decline"
  | "join"
  | "hangUp"
  | "mute"
  | "microphone"
  | "camera"
  | "cameraOff"
  | "screen"
  | "screenOff"
  | "answerRecording"
  | "choose"
  | "tryOut"
  | "stopTrying"
  | "testRoute"
>
