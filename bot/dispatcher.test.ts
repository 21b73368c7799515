import assert from "node:assert/strict";
import { test } from "node:test";
import { createBotHealth, createLog, startTelemetry } from "@gramwatch/otel";
import { Bot } from "grammy";
import type { BotContext } from "./context.ts";
import { createDispatcher } from "./dispatcher.ts";
import { fakeClock } from "./testing.ts";

test("a handler is told which update it has, and whether an earlier process began with it", async () => {
  const telemetry = startTelemetry({ serviceName: "bot", serviceVersion: "1", env: { OTEL_SDK_DISABLED: "true" } });
  const seen: [string, boolean][] = [];
  const handle = createDispatcher({
    bot: new Bot<BotContext>("1:x", {
      botInfo: { id: 1, is_bot: true, first_name: "shop", username: "shop_bot" } as never,
    }),
    routes: (ctx) => void seen.push([ctx.correlationId, ctx.replayed]),
    say: () => Promise.resolve(),
    config: { allowedUsers: new Set(), rateLimit: { count: 10, windowMs: 1000 } },
    telemetry,
    health: createBotHealth({ telemetry }),
    log: createLog({ level: "fatal" }),
    clock: fakeClock(),
    drained: new AbortController().signal,
    userHashKey: new Uint8Array(32),
    storageFailed: (error) => assert.fail(String(error)),
  });
  for (const replayed of [false, true]) {
    const correlationId = String(Number(replayed)).repeat(32);
    assert.equal(await handle({ update: { update_id: 1 }, correlationId, replayed }), true);
  }
  assert.deepEqual(seen, [
    ["0".repeat(32), false],
    ["1".repeat(32), true],
  ]);
});
