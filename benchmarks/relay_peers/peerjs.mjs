// The PeerJS server, which passes signaling between browsers: what our ephemeral entries are measured beside.
//
//     node peerjs.mjs PORT
import { PeerServer } from "peer"

PeerServer({
  port: Number(process.argv[2]),
  host: "127.0.0.1",
  path: "/",
  concurrent_limit: 100_000,
  // The load generator answers no heartbeats of this protocol.
  alive_timeout: 3_600_000,
})
