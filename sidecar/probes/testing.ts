import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";
import type { Identity } from "./identity.ts";
import { systemWay, type Way } from "./look.ts";

/** For tests of this folder: servers on loopback that end with the test, and a way with chosen addresses. */
export async function serveHttp(t: TestContext, listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(t, createHttpServer(listener))}`;
}

/** Accepts connections and does with them what the test says. */
export async function serveTcp(t: TestContext, onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  return listen(t, server);
}

async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    if ("closeAllConnections" in server) (server as { closeAllConnections(): void }).closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** A port that nobody listens on. */
export async function refusedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Names resolve to the given addresses; without one, as a resolver that does not know the name. */
export const wayTo = (addresses: Record<string, string[]>, phaseTimeoutMs = 2000): Way => ({
  ...systemWay(phaseTimeoutMs),
  lookup: async (host) => {
    const found = addresses[host];
    if (found === undefined) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" });
    return found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  },
});

export const named = (target: string): Identity => ({ target: () => target, service() {}, username() {} });

/** A minimal `/health` body of the contract's shape. */
export const healthBody = (over: object = {}) => ({
  status: "ok",
  service: "shopbot",
  instance: "i1",
  started_at: "2026-01-01T00:00:00Z",
  telegram: { seconds_since_success: 1 },
  updates: {},
  errors: { total: 0 },
  event_loop: {},
  memory: {},
  checks: {},
  telemetry: {},
  ...over,
});
