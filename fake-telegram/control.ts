import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { servePage } from "./chat/page.ts";
import { streamCalls } from "./chat/stream.ts";
import { controlRoutes } from "./control-routes.ts";
import type { FakeTelegram } from "./fake-telegram.ts";

export interface ControlOptions {
  /** Default 0: any free one. */
  port?: number;
}

const maxBodyBytes = 32 * 1024 * 1024;
const loopback = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

/** The control API and the chat page, on 127.0.0.1 only: what the object can do, over HTTP. */
export async function serveControl(telegram: FakeTelegram, { port = 0 }: ControlOptions = {}) {
  const routes = controlRoutes(telegram);

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? "/", "http://localhost");
    // A page of another origin could reach a loopback port by a name of its own (DNS rebinding).
    const origin = req.headers.origin?.replace(/^http:\/\//, "");
    if (!loopback.test(req.headers.host ?? "") || (origin !== undefined && !loopback.test(origin))) {
      return reply(res, 403, { error: "loopback only" });
    }
    if (req.method === "GET" && url.pathname === "/events") return streamCalls(telegram, res);
    if (req.method === "GET" && (await servePage(url.pathname, res))) return undefined;
    const [, head = "", id] = url.pathname.split("/");
    if (req.method === "GET" && head === "files") return sendFile(telegram, res, id ?? "");
    const route = routes[`${req.method} /${head}`];
    if (!route) return reply(res, 404, { error: `no ${req.method} ${url.pathname}` });
    const body = await readBody(req);
    if (req.method !== "GET" && body && req.headers["content-type"]?.split(";")[0] !== "application/json") {
      return reply(res, 415, { error: "application/json required" });
    }
    try {
      const given = body ? (JSON.parse(body) as Record<string, unknown>) : Object.fromEntries(url.searchParams);
      return reply(res, 200, (await route(given as never, id)) ?? { ok: true });
    } catch (error) {
      return reply(res, 400, { error: (error as Error).message });
    }
  }

  const server = createServer((req, res) => {
    handle(req, res).catch((error: unknown) => reply(res, 500, { error: String(error) }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  const boundPort = typeof address === "object" && address ? address.port : port;

  return {
    port: boundPort,
    url: `http://127.0.0.1:${boundPort}`,
    close(): Promise<void> {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function readBody(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) throw new Error("body over 32 MiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** For the chat page: what a message holds. */
function sendFile(telegram: FakeTelegram, res: ServerResponse, fileId: string): void {
  const file = telegram.file(fileId);
  if (!file) return reply(res, 404, { error: `no file ${fileId}` });
  res.writeHead(200, { "content-type": file.type, "x-content-type-options": "nosniff" });
  res.end(file.bytes);
}

function reply(res: ServerResponse, status: number, body: unknown): void {
  if (res.headersSent) return;
  res.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  res.end(JSON.stringify(body));
}
