import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

/**
 * The way to Telegram. `cut`: every connection is reset and new ones are refused. `hole`: nothing is refused and nothing
 * gets through, either way; what was said into it is gone, as are the connections, once it is over.
 */
export interface Wire {
  port: number;
  set(state: "open" | "cut" | "hole"): Promise<void>;
  close(): Promise<void>;
}

/** @param target a port of 127.0.0.1 */
export async function startWire(target: number, host: string): Promise<Wire> {
  let state: "open" | "cut" | "hole" = "open";
  let server: Server | undefined;
  const ends = new Set<Socket>();

  function join(inside: Socket): void {
    keep(inside);
    if (state === "hole") return swallow(inside);
    const outside = connect(target, "127.0.0.1");
    keep(outside);
    inside.pipe(outside).pipe(inside);
    // In a hole the other side does not learn that this one has gone.
    inside.on("close", () => state !== "hole" && outside.destroy());
    outside.on("close", () => state !== "hole" && inside.destroy());
  }
  function keep(socket: Socket): void {
    ends.add(socket);
    socket.on("close", () => ends.delete(socket)).on("error", () => socket.destroy());
  }
  function swallow(socket: Socket): void {
    socket.unpipe();
    socket.resume();
  }
  async function listen(port: number): Promise<number> {
    server = createServer({ allowHalfOpen: false }, join).listen(port, host);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }
  function hangUp(): void {
    for (const socket of ends) socket.resetAndDestroy();
  }
  const port = await listen(0);

  return {
    port,
    async set(next) {
      const before = state;
      state = next;
      if (next === "hole") for (const socket of ends) swallow(socket);
      if (before === "hole") hangUp();
      if (next === "cut") {
        server?.close();
        server = undefined;
        hangUp();
      } else if (server === undefined) await listen(port);
    },
    async close() {
      hangUp();
      if (server !== undefined) await once(server.close(), "close");
    },
  };
}
