import { createServer, type RequestListener, type Server } from "node:http";
import type { Socket } from "node:net";

interface Listener {
  host: string;
  server: Server;
}

/** One port on `127.0.0.1` and, if asked, `::1`; each can refuse by itself and come back. */
export function createListeners(handler: RequestListener, hosts: Record<4 | 6, string | undefined>) {
  const listeners = new Map<4 | 6, Listener>();
  const sockets = new Map<Socket, 4 | 6>();
  let port = 0;
  let pending = Promise.resolve();

  async function open(family: 4 | 6): Promise<void> {
    const host = hosts[family];
    if (host === undefined || listeners.has(family)) return;
    const server = createServer(handler);
    // Node's 5 s would end connections that Telegram keeps.
    server.keepAliveTimeout = 75_000;
    server.on("connection", (socket) => {
      sockets.set(socket, family);
      socket.once("close", () => sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, resolve);
    });
    const address = server.address();
    if (typeof address === "object" && address) port = address.port;
    listeners.set(family, { host, server });
  }

  function shut(family: 4 | 6): void {
    listeners.get(family)?.server.close();
    listeners.delete(family);
    // A closed listener goes on serving the connections it has.
    for (const [socket, of] of sockets) if (of === family) socket.destroy();
  }

  return {
    async start(wantedPort: number): Promise<number> {
      port = wantedPort;
      await open(4);
      await open(6);
      return port;
    },
    /** Closing takes effect at once; the promise is for opening. */
    refuse(families: ReadonlySet<4 | 6>): Promise<void> {
      for (const family of families) shut(family);
      pending = pending.then(async () => {
        for (const family of [4, 6] as const) if (!families.has(family)) await open(family);
      });
      return pending;
    },
    async close(): Promise<void> {
      await pending;
      shut(4);
      shut(6);
    },
  };
}
