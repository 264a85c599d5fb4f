/**
 * Calls in the browser, as a part of its own (`@teduh/sdk/call`), so that who only writes loads none of it.
 *
 *     const call = new BrowserCall(conversation, { onChange: (view) => show(view) })
 *     await call.ring({ camera: true })        // in a tap; somebody else: call.accept()
 *
 * One `BrowserCall` for each conversation, made before anybody rings. It never captures anything but by `ring`, `accept`,
 * `join` and the methods that turn something on.
 */

export { BrowserCall, type CallConversation, type CallOptions } from "./media/browserCall.ts"
export type { CameraWish, Refusal, Source } from "./media/capture.ts"
export { devicesHere, onDevices, playThrough, type Device, type Devices } from "./media/devices.ts"
export { listenTo } from "./media/loudness.ts"
export type { Wish } from "./media/ownMedia.ts"
export { barsOf, GRADES, type Grade, type Quality } from "./media/quality.ts"
export type { RouteResult } from "./media/routeTest.ts"
export type { CallEnding, CallPerson, CallPhase, CallView, OwnView, PeerState, PeerView, Sending } from "./media/view.ts"
export { TIMING, type Timing } from "./timing.ts"
