/**
 * Through which TURN servers a call may go, as far as the relay is believed.
 *
 *     conversation.iceServers() ── FetchIceServers ──> relay
 *                               <──── IceServers ─────
 *       every address is that of a TURN server?           otherwise RelayMisbehaved
 *       policy DIRECT, and nobody here allowed it?        RELAY if there are TURN servers, otherwise OFF
 *
 * A relay that lies can send her to a TURN server of its own choice, which then sees her network address and how much is
 * said, as the relay itself does; it cannot make her reveal the address to the other side, nor contact STUN servers, nor
 * hear anything.
 */

import { RelayMisbehaved } from "../errors.ts"
import { CallPolicy, type IceServers as IceServersFrame } from "../relay/frames.ts"
import { isTurnUrl } from "../relay/turnUrl.ts"

/** What a call may use. */
export interface IceServers {
  readonly policy: CallPolicy
  /** Whether no candidate but relayed ones may be gathered, sent or taken. */
  readonly relayOnly: boolean
  /** As in RFC 7065; the first is to be tried first. */
  readonly urls: readonly string[]
  readonly username: string
  readonly credential: string
  /** Until when the credentials may begin a call, in seconds since 1970; 0 when there are none. */
  readonly expires: number
}

/** What the relay's answer allows. Throws `RelayMisbehaved`. */
export function readIceServers(frame: IceServersFrame, allowDirect: boolean): IceServers {
  const { urls, username, credential, expires } = frame
  const named = urls.length > 0
  if ((frame.policy === CallPolicy.RELAY && !named) || (frame.policy === CallPolicy.OFF && named)) {
    throw new RelayMisbehaved("the TURN servers do not fit what the relay says of calls")
  }
  if (named && (username === "" || credential === "" || expires === 0)) {
    throw new RelayMisbehaved("the relay named TURN servers without credentials")
  }
  if (!urls.every(isTurnUrl)) throw new RelayMisbehaved("the relay named something else than TURN servers")
  const policy = agreed(frame, allowDirect)
  return { policy, relayOnly: policy !== CallPolicy.DIRECT, urls, username, credential, expires }
}

function agreed({ policy, urls }: IceServersFrame, allowDirect: boolean): CallPolicy {
  if (policy !== CallPolicy.DIRECT || allowDirect) return policy
  return urls.length > 0 ? CallPolicy.RELAY : CallPolicy.OFF
}

/** Whether the relay is dialled on loopback: then there is no address that the other side could learn. */
export function isOnThisMachine(relayUrl: string): boolean {
  return /^(?:http|ws)s?:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?(?:\/|$)/.test(relayUrl)
}
