import { createServer, type RequestListener, type Server } from "node:http";
import type { Socket } from "node:net";

type Family = 4 | 6;

/** One port on `127.0.0.1` and, if asked, `::1`; each can refuse by itself and come back. */
export function createListeners(handler: RequestListener, hosts: Record<Family, string | undefined>) {
  const listeners = new Map<Family, Server>();
  const sockets = new Map<Socket, Family>();
  let port = 0;
  let refused: ReadonlySet<Family> = new Set();
  let opening = Promise.resolve();
  let closed = false;

  async function open(family: Family): Promise<void> {
    const host = hosts[family];
    if (closed || host === undefined || listeners.has(family)) return;
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
    listeners.set(family, server);
    // Refused again, or closed, while it was being opened.
    if (refused.has(family)) shut(family);
  }

  function shut(family: Family): void {
    listeners.get(family)?.close();
    listeners.delete(family);
    // A closed listener goes on serving the connections it has.
    for (const [socket, of] of sockets) if (of === family) socket.destroy();
  }

  async function openAll(): Promise<void> {
    for (const family of [4, 6] as const) if (!refused.has(family)) await open(family);
  }

  /** Closing takes effect at once; the promise is for opening. */
  function refuse(families: ReadonlySet<Family>): Promise<void> {
    refused = families;
    for (const family of families) shut(family);
    opening = opening.catch(() => {}).then(openAll);
    return opening;
  }

  return {
    /** Resolves with the port; rejects when it is in use. */
    async start(wantedPort: number): Promise<number> {
      port = wantedPort;
      await openAll();
      return port;
    },
    refuse,
    /** For good. */
    close(): Promise<void> {
      closed = true;
      return refuse(new Set<Family>([4, 6]));
    },
  };
}
