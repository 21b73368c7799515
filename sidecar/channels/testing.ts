import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import type { Message, Route } from "./channel.ts";

export const ROUTE: Route = { movedTo: null, withoutThread: false, plain: false };

export interface Got {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A receiver on loopback that keeps what it gets and answers with the given status. */
export async function receiver(t: TestContext, status = 200, headers: Record<string, string> = {}) {
  const got: Got[] = [];
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      got.push({
        method: req.method ?? "",
        path: req.url ?? "",
        headers: req.headers,
        body: Buffer.concat(chunks).toString(),
      });
      res.writeHead(status, headers).end("said no more");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, got };
}

export const message = (over: Partial<Message> = {}): Message => ({
  kind: "firing",
  incident: "K7F2",
  rule: "TelegramBotDisconnected",
  target: "shopbot",
  severity: "critical",
  status: "firing",
  title: "shopbot: disconnected from Telegram",
  html: "🔴 <b>shopbot: disconnected from Telegram</b>",
  plain: "🔴 shopbot: disconnected from Telegram",
  silent: false,
  buttons: [[{ text: "✓ Ack", data: "a|K7F2|9FQ2" }], [{ text: "Dashboard", url: "https://grafana.example.org/d/x" }]],
  replyTo: null,
  edit: null,
  startsWallMs: Date.parse("2026-11-20T14:02:11Z"),
  endsWallMs: null,
  cause: "poll_stalled",
  links: { dashboard: "https://grafana.example.org/d/x", trace: null, runbook: "https://runbooks.example.org/r" },
  traceIds: ["4bf92f3577b34da6a3ce929d0e0e4736"],
  ...over,
});
