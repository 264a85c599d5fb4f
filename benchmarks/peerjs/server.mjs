// The PeerJS server as its README starts it; says its port when it listens.
import { PeerServer } from "peer"

PeerServer({ port: 0, host: "127.0.0.1", path: "/" }, (server) => console.log(server.address().port))
