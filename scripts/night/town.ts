import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readHook, type Told } from "./told.ts";

export type Neighbour = "whisper" | "payments";

/** What else is on the network, in one server: two dependencies, the second channel and the heartbeats' other end. */
export interface Town {
  port: number;
  /** These answer 503. */
  ill: Set<Neighbour>;
  /** What came by the second channel. */
  hooks: Told[];
  heartbeats: { main: number; delivery: number };
  close(): Promise<void>;
}

export async function startTown(host: string): Promise<Town> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request
      .on("data", (chunk: Buffer) => chunks.push(chunk))
      .on("end", () => {
        const [, house = "", ...rest] = (request.url ?? "").split("/");
        const { status, answer } = serve(house, rest.join("/"), Buffer.concat(chunks).toString("latin1"));
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
      });
  }).listen(0, host);
  await once(server, "listening");

  function serve(house: string, path: string, body: string): { status: number; answer: object } {
    if (town.ill.has(house as Neighbour)) return { status: 503, answer: {} };
    if (house === "pager") town.hooks.push(...readHook(JSON.parse(Buffer.from(body, "latin1").toString()), Date.now()));
    if (house === "beat" && path === "main") town.heartbeats.main++;
    // `delivery/fail` is a beat too: it says that an alert would not arrive.
    if (house === "beat" && path.startsWith("delivery")) town.heartbeats.delivery++;
    // What is heard is what was said: the stand-in's audio is its own text.
    return { status: 200, answer: { text: /voice-note-\d+/.exec(body)?.[0] ?? "" } };
  }

  const town: Town = {
    port: (server.address() as AddressInfo).port,
    ill: new Set(),
    hooks: [],
    heartbeats: { main: 0, delivery: 0 },
    async close() {
      server.closeAllConnections();
      await once(server.close(), "close");
    },
  };
  return town;
}
