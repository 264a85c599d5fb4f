// A chat server as people write it with socket.io: each client has a room of its own name, and a message goes to a room.
//
//     node socket_io.mjs PORT [REDIS_SOCKET [streams]]    with a store: an adapter, as several nodes need it
import { createServer } from "node:http"
import { createAdapter } from "@socket.io/redis-adapter"
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter"
import { createClient } from "redis"
import { Server } from "socket.io"

const [port, store, streams] = process.argv.slice(2)
const http = createServer()
const io = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  // The load generator answers no heartbeats of this protocol.
  pingInterval: 3_600_000,
  pingTimeout: 3_600_000,
})

if (store !== undefined) {
  const client = createClient({ socket: { path: store } })
  await client.connect()
  if (streams === undefined) {
    const subscriber = client.duplicate()
    await subscriber.connect()
    io.adapter(createAdapter(client, subscriber))
  } else {
    io.adapter(createStreamsAdapter(client))
  }
}

io.on("connection", (socket) => {
  socket.on("name", async (name) => {
    await socket.join(name)
    socket.emit("named")
  })
  socket.on("m", (to, text) => io.to(to).emit("m", text))
})
http.listen(Number(port), "127.0.0.1", 4096)
