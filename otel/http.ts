import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import type { BotHealthState, CheckResult } from "./health.ts";
import { METRICS_CONTENT_TYPE } from "./metrics-page.ts";
import type { Telemetry } from "./start.ts";

export interface HealthServer {
  /** The port in use, also where 0 was asked for. */
  port: number;
  /** Lets the process end although the server listens. */
  unref(): void;
  close(): Promise<void>;
}

interface Page {
  status: number;
  type: string;
  body: string;
}

/**
 * Serves `/livez`, `/readyz`, `/health` and `/metrics`. Rejects with Node's error where it cannot listen
 * (`EADDRINUSE`, `EACCES`): a product ends its start with it, a library goes on with a warning.
 */
export async function serveHealth(options: {
  host: string;
  port: number;
  health: BotHealthState;
  telemetry: Telemetry;
  log: Logger;
}): Promise<HealthServer> {
  const { health, telemetry, log } = options;
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    const answer = ({ status, type, body }: Page): void => {
      response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
      response.end(request.method === "HEAD" ? undefined : body);
    };
    if (request.method !== "GET" && request.method !== "HEAD") return answer(text(405, "only GET\n"));
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    void page(path, health, telemetry).then(answer, (error: unknown) => {
      log.error({ err: error }, "a health page failed");
      answer(text(500, "failed\n"));
    });
  });
  await listen(server, options.host, options.port);
  return {
    port: (server.address() as AddressInfo).port,
    unref: () => void server.unref(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function page(path: string, health: BotHealthState, telemetry: Telemetry): Promise<Page> {
  // Depends on nothing but this process: Telegram down must not restart every pod.
  if (path === "/livez") return text(200, "ok\n");
  if (path === "/readyz") return readiness(health);
  if (path === "/health") {
    const body = health.snapshot();
    return json(body.status === "fail" ? 503 : 200, body);
  }
  if (path === "/metrics") return { status: 200, type: METRICS_CONTENT_TYPE, body: await telemetry.metricsPage() };
  return text(404, "not found\n");
}

function readiness(health: BotHealthState): Page {
  const { telegram, checks, stopping } = health.snapshot();
  const reason = telegram.last_error?.reason ?? "not connected yet";
  const all: Record<string, CheckResult> = {
    telegram: telegram.connected ? { ok: true } : { ok: false, error: reason },
    ...checks,
  };
  const ready = !stopping && Object.values(all).every((check) => check.ok);
  return json(ready ? 200 : 503, { status: ready ? "ok" : "fail", checks: all });
}

const text = (status: number, body: string): Page => ({ status, type: "text/plain; charset=utf-8", body });
const json = (status: number, body: unknown): Page => ({
  status,
  type: "application/json",
  body: JSON.stringify(body),
});

const listen = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
