import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";
import type { Server } from "node:http";

export interface Served {
  port: number;
  /** Ends open streams as well. */
  close(): Promise<void>;
}

/** Serves the console; rejects when the port cannot be bound. `port` 0 lets the system choose. */
export async function serveConsole({ app, host, port }: { app: Hono; host: string; port: number }): Promise<Served> {
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
