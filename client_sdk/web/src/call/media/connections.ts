/**
 * The connections of one call, one to each other member, and what is done with each in its order.
 *
 *     actions of the session ──> Connections ──one queue for each peer──> Peer
 *     session <── described, trickled, connected, failed ─────────────────┘
 *
 * A connection describes itself before there is a route, and looks for no way until then. Closing waits for nothing.
 */

import type { LocalCandidate, Route, Unroutable } from "./peer.ts"
import { Peer, Spare, type Kind } from "./peer.ts"
import type { Reading } from "./quality.ts"
import type { Level } from "./thrift.ts"

/** What the session, or the page, is told of them. `leaf` and `generation` name a connection. */
export interface ConnectionOutlets {
  readonly described: (leaf: number, generation: number, revision: number, sdp: string, candidates: readonly LocalCandidate[]) => void
  readonly trickled: (leaf: number, generation: number, revision: number, candidates: readonly LocalCandidate[]) => void
  readonly connected: (leaf: number, generation: number) => void
  readonly failed: (leaf: number, generation: number) => void
  readonly unroutable: (leaf: number, why: Unroutable) => void
  readonly changed: () => void
}

interface Connection {
  readonly generation: number
  readonly sound: MediaStream
  readonly picture: MediaStream
  peer: Peer | null
  queue: Promise<void>
  isClosed: boolean
  reading: Reading | null
}

export class Connections {
  readonly #out: ConnectionOutlets
  /** A route for a new connection, or for one that is made anew; rejects when there is none. */
  readonly #route: (isRenewal: boolean) => Promise<Route>
  readonly #tracks: () => Readonly<Record<Kind, MediaStreamTrack | null>>
  readonly #all = new Map<number, Connection>()
  #level: Exclude<Level, "text"> = "full"
  /** For whoever comes first. */
  #spare: Spare | null = null

  constructor(
    out: ConnectionOutlets,
    route: (isRenewal: boolean) => Promise<Route>,
    tracks: () => Readonly<Record<Kind, MediaStreamTrack | null>>,
  ) {
    this.#out = out
    this.#route = route
    this.#tracks = tracks
  }

  /** One will be wanted in a moment, in which we offer, or they. No way is looked for until then. */
  prepare(offers: boolean): void {
    this.#spare ??= new Spare(offers)
  }

  createOffer(leaf: number, generation: number, revision: number, restartsIce: boolean): void {
    this.#do(leaf, generation, restartsIce, (peer) => peer.offer(revision, restartsIce), true)
  }

  applyDescription(
    leaf: number,
    generation: number,
    revision: number,
    { isOffer, restartsIce, sdp }: { isOffer: boolean; restartsIce: boolean; sdp: string },
  ): void {
    this.#do(leaf, generation, isOffer && restartsIce, (peer) => peer.apply(revision, sdp, isOffer), false)
  }

  addCandidates(leaf: number, generation: number, candidates: readonly LocalCandidate[]): void {
    this.#do(leaf, generation, false, (peer) => peer.add(candidates))
  }

  /** At once. An older connection than that which there is was closed before. */
  close(leaf: number, generation: number): void {
    const connection = this.#all.get(leaf)
    if (connection?.generation !== generation) return
    this.#all.delete(leaf)
    end(connection)
    this.#out.changed()
  }

  /** At once. */
  closeAll(): void {
    const all = [...this.#all.values()]
    this.#all.clear()
    this.#takeSpare()?.connection.close()
    for (const connection of all) end(connection)
  }

  /** What is sent to everybody from now on. */
  async send(kind: Kind, track: MediaStreamTrack | null): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer.send(kind, track).catch(ignore)))
  }

  async limit(level: Exclude<Level, "text">): Promise<void> {
    this.#level = level
    await Promise.all(this.#peers.map((peer) => peer.limit(level)))
  }

  get #peers(): readonly Peer[] {
    return [...this.#all.values()].flatMap(({ peer }) => peer ?? [])
  }

  /** What is heard and seen of a member; null where there is no connection. */
  streams(leaf: number): { readonly sound: MediaStream; readonly picture: MediaStream } | null {
    return this.#all.get(leaf) ?? null
  }

  /**
   * The reading before, and that of now, of each connection that was measured before. What was lost while a path was broken
   * says nothing about the next.
   */
  async readings(): Promise<Map<number, readonly [before: Reading, now: Reading]>> {
    const found = new Map<number, readonly [Reading, Reading]>()
    for (const [leaf, connection] of [...this.#all]) {
      const reading = await connection.peer?.reading().catch(ignore)
      if (reading === undefined) continue
      if (connection.reading !== null && reading !== null) found.set(leaf, [connection.reading, reading])
      connection.reading = reading
    }
    return found
  }

  // --- one connection ---

  #do(leaf: number, generation: number, isRenewal: boolean, work: (peer: Peer) => Promise<void>, offers = false): void {
    const connection = this.#of(leaf, generation)
    if (connection === null) return
    if (isRenewal) connection.peer?.leaveWay()
    connection.queue = connection.queue.then(async () => {
      try {
        const peer = await this.#ready(connection, leaf, isRenewal, offers)
        if (peer !== null) await work(peer)
      } catch {
        // A description that the browser does not take, or no route: the session decides whether to try again.
        if (!connection.isClosed) this.#out.failed(leaf, generation)
      }
    })
  }

  /** The connection, made if there is none of this generation; null if there is a newer one. */
  #of(leaf: number, generation: number): Connection | null {
    const present = this.#all.get(leaf)
    if (present?.generation === generation) return present
    if (present !== undefined && present.generation > generation) return null
    if (present !== undefined) end(present)
    const [sound, picture] = [new MediaStream(), new MediaStream()]
    const queue = Promise.resolve()
    const made: Connection = { generation, sound, picture, peer: null, queue, isClosed: false, reading: null }
    this.#all.set(leaf, made)
    return made
  }

  async #ready(connection: Connection, leaf: number, isRenewal: boolean, offers: boolean): Promise<Peer | null> {
    if (connection.isClosed) return null
    if (connection.peer === null) {
      const spare = this.#spare?.offers === offers ? this.#takeSpare() : null
      connection.peer = new Peer(this.#route(false), this.#outletsOf(connection, leaf), this.#tracks(), this.#level, spare ?? undefined)
    } else if (isRenewal) {
      const route = await this.#route(true)
      // Closed while the route was being asked for: TypeScript does not see that it may change meanwhile.
      if (!isEnded(connection)) connection.peer.renew(route)
    }
    return isEnded(connection) ? null : connection.peer
  }

  #takeSpare(): Spare | null {
    const spare = this.#spare
    this.#spare = null
    return spare
  }

  #outletsOf(connection: Connection, leaf: number): ConstructorParameters<typeof Peer>[1] {
    const { generation } = connection
    return {
      described: (revision, sdp, candidates) => {
        this.#out.described(leaf, generation, revision, sdp, candidates)
      },
      trickled: (revision, candidates) => {
        this.#out.trickled(leaf, generation, revision, candidates)
      },
      track: (track) => {
        ;(track.kind === "audio" ? connection.sound : connection.picture).addTrack(track)
        this.#out.changed()
      },
      connected: () => {
        this.#out.connected(leaf, generation)
      },
      failed: () => {
        this.#out.failed(leaf, generation)
      },
      unroutable: (why) => {
        this.#out.unroutable(leaf, why)
      },
    }
  }
}

const isEnded = (connection: Connection): boolean => connection.isClosed

function end(connection: Connection): void {
  connection.isClosed = true
  connection.peer?.close()
  for (const stream of [connection.sound, connection.picture])
    for (const track of stream.getTracks()) {
      track.stop()
      stream.removeTrack(track)
    }
}

function ignore(): undefined {
  // The connection was closed meanwhile.
}
