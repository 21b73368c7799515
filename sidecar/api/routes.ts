import { Hono, type Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { ConsoleDeps, ConsoleOptions } from "./deps.ts";
import { BadQuery, durationOf, limitOf, traceFilterOf } from "./query.ts";
import { refuse } from "./refuse.ts";

const MAX_BODY_BYTES = 64 * 1024;
const HOUR_MS = 3_600_000;
const MAX_SILENCE_MS = 7 * 24 * HOUR_MS;
const STATES = new Set(["firing", "resolved", "all"]);

/** The JSON routes of the contract, without authentication: `guard` stands before them. */
export function apiRoutes(deps: ConsoleDeps, options: ConsoleOptions): Hono {
  const { store, status, alerts } = deps;
  const app = new Hono();

  app.onError((error, c) => {
    if (error instanceof BadQuery) return refuse(c, 400, "bad_request", error.message);
    deps.onError?.(error);
    return refuse(c, 500, "internal", "the sidecar failed to answer; its log says why");
  });
  app.use(bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (c) => refuse(c, 413, "too_large", "body over 64 KiB") }));

  app.get("/status", (c) =>
    c.json({
      service: "sidecar",
      version: options.version,
      bots: status.bots(),
      probes: status.probes(),
      disk: status.mounts(),
      alerts: alerts.alerts("firing"),
      channels: deps.channels(),
      heartbeats: deps.heartbeats(),
      store: storeJson(deps),
    }),
  );

  app.get("/alerts", (c) => {
    const state = c.req.query("state") || "all";
    if (!STATES.has(state)) return refuse(c, 400, "bad_request", "state is firing, resolved or all");
    return c.json({ alerts: alerts.alerts(state as "firing" | "resolved" | "all") });
  });
  const known = (c: Context, alert: unknown): Response =>
    alert === undefined ? refuse(c, 404, "not_found", "no such incident, or it is over") : c.json({ alert });
  app.post("/alerts/:id/ack", async (c) => {
    const { by } = await jsonBody(c);
    return known(c, alerts.ack(c.req.param("id"), nameOf(by)));
  });
  app.post("/alerts/:id/silence", async (c) => {
    const body = await jsonBody(c);
    const forMs = durationOf("for", typeof body["for"] === "string" ? body["for"] : undefined);
    if (forMs === undefined || forMs === 0 || forMs > MAX_SILENCE_MS) {
      return refuse(c, 400, "bad_request", 'send {"for":"1h"}: a duration up to 7d');
    }
    return known(c, alerts.silence(c.req.param("id"), forMs, nameOf(body["by"])));
  });
  app.post("/alerts/:id/undo", async (c) => {
    const { by } = await jsonBody(c);
    return known(c, alerts.undo(c.req.param("id"), nameOf(by)));
  });
  app.post("/test-alert", async (c) => c.json({ channels: await deps.testAlert() }));
  app.get("/deliveries", (c) => c.json({ deliveries: deps.deliveries() }));

  app.get("/traces", (c) => c.json({ traces: store.traces.search(traceFilterOf(c.req.query())) }));
  app.get("/traces/:ref", (c) => {
    const ref = c.req.param("ref");
    if (!/^[0-9a-f]{8,32}$/i.test(ref)) {
      return refuse(c, 400, "bad_request", "a reference is 8 to 32 hexadecimal digits");
    }
    // Several traces may share a reference (replays, or chance): the first in full, the others by name.
    const [first, ...others] = store.traces.find(ref);
    const trace = first && store.traces.get(first.trace_id);
    if (trace === undefined) return refuse(c, 404, "not_found", "no such trace; it may have been too long ago");
    return c.json({ ...trace, others });
  });

  app.get("/errors", (c) => {
    const windowMs = durationOf("window", c.req.query("window")) ?? 24 * HOUR_MS;
    const limit = limitOf(c.req.query("limit"), 50, 500);
    return c.json({ errors: store.errors.groups({ service: c.req.query("service") || undefined, windowMs, limit }) });
  });

  app.all("*", (c) => refuse(c, 404, "not_found", "no such route"));
  return app;
}

/** `/livez`, `/readyz`, `/metrics`: open to orchestrators and scrapers. */
export function openRoutes(deps: ConsoleDeps): Hono {
  const app = new Hono();
  app.get("/livez", (c) => c.text("ok"));
  app.get("/readyz", (c) => {
    const { ok, error } = deps.store.health();
    // A store that cannot write does not make the sidecar unready: it alerts all the same.
    return c.json({ status: "ok", checks: { store: ok ? { ok } : { ok, error } } });
  });
  app.get("/metrics", async (c) =>
    c.body(await deps.metricsPage(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }),
  );
  return app;
}

function storeJson({ store }: ConsoleDeps): Record<string, unknown> {
  const { ok, error = null, persistent, sizeBytes, dropped } = store.health();
  return { ok, error, persistent, size_bytes: sizeBytes, dropped };
}

async function jsonBody(c: Context): Promise<Record<string, unknown>> {
  const text = await c.req.text();
  if (text.trim() === "") return {};
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null) return body as Record<string, unknown>;
  } catch {
    // the refusal below says it
  }
  throw new BadQuery("the body is not a JSON object");
}

/** Who pressed: told by the bot or the console, shown to people. */
const nameOf = (by: unknown): string => (typeof by === "string" && by.trim() !== "" ? by.trim().slice(0, 64) : "API");
