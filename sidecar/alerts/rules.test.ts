import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sample } from "../probes/probe.ts";
import { RULES } from "./rules.ts";
import { healthy, iso, NOW, read, refused, sample } from "./testing.ts";
import { createThresholds, defaultThresholds, type RuleName } from "./thresholds.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const GiB = 1024 ** 3;
const repeat = (count: number, make: (agoMs: number) => Sample, everyMs = 15 * SECOND) =>
  Array.from({ length: count }, (_, at) => make((count - 1 - at) * everyMs));

const disk = (availableBytes: number, sizeBytes: number, more = {}) =>
  sample(
    "disk",
    {
      result: {
        ok: true,
        availableBytes,
        sizeBytes,
        inodesFree: 500,
        inodes: 1000,
        readOnly: false,
        device: "1",
        ...more,
      },
    },
    "/data",
  );
const webhook = (given: object) => (agoMs: number) =>
  sample("webhook", { result: { ok: true, url: "", pending: 0, ...given } }, "shopbot", agoMs);
const getMe = (given: object, agoMs = 0) =>
  sample("telegram", { paths: [{ family: 4, ttfbMs: 9 }], getMe: given as never, expectedId: 7 }, "shopbot", agoMs);
const conflictAt = (agoMs: number, successAgoMs: number | null) =>
  healthy({
    telegram: {
      connected: successAgoMs !== null && successAgoMs < agoMs,
      last_error: {
        at: iso(agoMs),
        reason: "conflict",
        code: 409,
        description: "Conflict: terminated by other getUpdates request",
      },
      last_success_at: successAgoMs === null ? null : iso(successAgoMs),
      seconds_since_success: successAgoMs === null ? null : successAgoMs / 1000,
    },
  });
const since = (seconds: number, more = {}) =>
  healthy({
    telegram: { seconds_since_success: seconds, last_success_at: iso(seconds * 1000), in_flight_since: null, ...more },
  });
const filling = (points: [agoMs: number, available: number][], sizeBytes = 100 * GiB) =>
  points.map(([agoMs, availableBytes]) =>
    sample(
      "disk",
      { result: { ok: true, availableBytes, sizeBytes, inodesFree: 5, inodes: 10, readOnly: false, device: "1" } },
      "/data",
      agoMs,
    ),
  );
const own = (given: object) => sample("own", { sqlite: { ok: true }, lastMetricsAtMs: {}, ...given }, "sidecar");
const handling = (p95Seconds: number | undefined, updates: number) =>
  sample("handling", { result: { ok: true, p95Seconds, updates } });

interface Case {
  title: string;
  samples: Sample[];
  reads: string;
  firing?: boolean;
  cause?: string;
  target?: string;
  alertTokenRefused?: boolean;
}
const falling = (perHour: number, from = 30 * GiB): [number, number][] =>
  Array.from({ length: 49 }, (_, at) => [(48 - at) * 5 * MINUTE, from - (at / 12) * perHour]);

const CASES: Partial<Record<RuleName, Case[]>> = {
  TelegramBotDisconnected: [
    { title: "nothing read", samples: [], reads: "unknown" },
    { title: "the last poll returned 300 s ago", samples: [since(300)], reads: "clear" },
    { title: "the last poll returned 301 s ago", samples: [since(301)], reads: "breach poll_loop_ended" },
    { title: "an unreadable /health", samples: [since(301), refused()], reads: "unknown" },
    {
      title: "a bot on webhooks that nobody wrote to for an hour",
      samples: [since(3600, { mode: "webhook" })],
      reads: "clear",
    },
    {
      title: "the same, whose next call fails",
      samples: [
        healthy({ telegram: { mode: "webhook", seconds_since_success: 3600 } }, 5 * SECOND),
        since(3605, {
          mode: "webhook",
          connected: false,
          last_error: { at: iso(SECOND), reason: "connect", code: null, description: "" },
        }),
      ],
      reads: "clear",
    },
    {
      title: "a bot on webhooks whose calls have failed for 301 s",
      samples: [
        healthy({ telegram: { mode: "webhook", seconds_since_success: 3600 } }, 301 * SECOND),
        since(3901, {
          mode: "webhook",
          connected: false,
          last_error: { at: iso(SECOND), reason: "connect", code: null, description: "" },
        }),
      ],
      reads: "breach bot_egress",
    },
    {
      title: "idle for 31 s in a long poll",
      samples: [healthy({ telegram: { seconds_since_success: 31 } })],
      reads: "clear",
    },
    {
      title: "a poll in flight for 20 s after an age of 400 s without an error since",
      samples: [since(400, { in_flight_since: iso(20_000) })],
      reads: "clear",
    },
    {
      title: "a bot that comes up after an hour and has not polled yet",
      samples: [
        healthy({}, HOUR),
        healthy({ telegram: { seconds_since_success: null, last_success_at: null } }, 5 * SECOND),
      ],
      reads: "unknown",
    },
    {
      title: "a bot that came up 30 s ago after an hour and has not polled yet",
      samples: [
        healthy({}, HOUR),
        healthy(
          { telegram: { seconds_since_success: null, last_success_at: null, in_flight_since: null } },
          30 * SECOND,
        ),
      ],
      reads: "breach unknown",
    },
    {
      title: "the same with an error since",
      samples: [
        since(400, {
          connected: false,
          in_flight_since: iso(20_000),
          last_error: { at: iso(30_000), reason: "reset", code: null, description: "" },
        }),
      ],
      reads: "breach unknown",
    },
  ],
  TelegramBotDown: [
    { title: "two failures", samples: repeat(2, (ago) => refused("ECONNREFUSED", ago)), reads: "clear" },
    {
      title: "three failures",
      samples: repeat(3, (ago) => refused("ECONNREFUSED", ago)),
      reads: "breach process_down",
    },
    {
      title: "no route to its host",
      samples: repeat(3, (ago) => refused("UND_ERR_CONNECT_TIMEOUT", ago)),
      reads: "breach bot_host_unreachable",
    },
    {
      title: "accepts and does not answer",
      samples: repeat(3, (ago) =>
        sample(
          "health",
          { result: { ok: false, failure: { phase: "ttfb", code: "TIMEOUT", message: "" } } },
          "shopbot",
          ago,
        ),
      ),
      reads: "breach process_wedged",
    },
    { title: "a body with 503 counts as read", samples: [healthy({ status: "fail" })], reads: "clear" },
  ],
  UpdatesBacklog: [
    {
      title: "120 waiting and rising",
      samples: [healthy(), webhook({ pending: 80 })(30), webhook({ pending: 100 })(20), webhook({ pending: 120 })(10)],
      reads: "breach slow_handlers",
    },
    {
      title: "120 waiting and falling",
      samples: [healthy(), webhook({ pending: 300 })(30), webhook({ pending: 200 })(20), webhook({ pending: 120 })(10)],
      reads: "clear",
    },
    {
      title: "an inbox of 100",
      samples: [healthy({ updates: { inbox_pending: 100 } })],
      reads: "breach slow_handlers",
    },
    {
      title: "an inbox of 60 while firing",
      samples: [healthy({ updates: { inbox_pending: 60 } })],
      firing: true,
      reads: "breach slow_handlers",
    },
    {
      title: "an inbox of 49 while firing",
      samples: [healthy({ updates: { inbox_pending: 49 } })],
      firing: true,
      reads: "clear",
    },
    {
      title: "one update in hand for 121 s",
      samples: [healthy({ updates: { oldest_in_flight_seconds: 121 } })],
      reads: "breach handlers_stuck",
    },
    {
      title: "120 waiting and rising, then Telegram no longer tells",
      samples: [
        healthy(),
        ...[80, 100, 120].map((pending, at) => webhook({ pending })(10 * MINUTE - at * MINUTE)),
        webhook({ ok: false, description: "tcp: timed out" })(10),
      ],
      reads: "unknown",
    },
    {
      title: "2 waiting, then Telegram no longer tells",
      samples: [healthy(), webhook({ pending: 2 })(MINUTE), webhook({ ok: false, description: "tcp: timed out" })(10)],
      reads: "clear",
    },
    { title: "nothing read", samples: [], reads: "unknown" },
  ],
  SlowResponses: [
    { title: "2.1 s over 20 updates", samples: [handling(2.1, 20)], reads: "breach" },
    { title: "2.1 s over 19 updates", samples: [handling(2.1, 19)], reads: "clear" },
    { title: "1.6 s while firing", samples: [handling(1.6, 30)], firing: true, reads: "breach" },
    { title: "1.6 s", samples: [handling(1.6, 30)], reads: "clear" },
    { title: "no histogram", samples: [handling(undefined, 30)], reads: "unknown" },
  ],
  EventLoopBlocked: [
    {
      title: "a delay of 1001 ms",
      samples: [healthy({ event_loop: { delay_p99_ms: 1001 } })],
      reads: "breach event_loop_blocked",
    },
    { title: "a delay of 1000 ms", samples: [healthy({ event_loop: { delay_p99_ms: 1000 } })], reads: "clear" },
    {
      title: "three slow answers",
      samples: repeat(
        3,
        (ago) =>
          ({
            ...healthy({}, ago),
            result: { ...(healthy() as { result: object }).result, durationMs: 2500 },
          }) as Sample,
      ),
      reads: "breach event_loop_blocked",
    },
  ],
  MemoryHigh: [
    {
      title: "heap at 91 %",
      samples: [healthy({ memory: { heap_used_bytes: 91, heap_limit_bytes: 100 } })],
      reads: "breach heap",
    },
    {
      title: "heap at 85 %",
      samples: [healthy({ memory: { heap_used_bytes: 85, heap_limit_bytes: 100 } })],
      reads: "clear",
    },
    {
      title: "heap at 85 % while firing",
      samples: [healthy({ memory: { heap_used_bytes: 85, heap_limit_bytes: 100 } })],
      firing: true,
      reads: "breach heap",
    },
    {
      title: "RSS at 95 % of a limit",
      samples: [healthy({ memory: { rss_bytes: 95, limit_bytes: 100 } })],
      reads: "breach rss",
    },
    { title: "RSS without a limit", samples: [healthy({ memory: { rss_bytes: 95 } })], reads: "clear" },
  ],
  BotRestarting: [
    {
      title: "two restarts",
      samples: [0, 1, 2].map((life) => healthy({ started_at: iso(life), instance: `${life}` }, 60_000 - life)),
      reads: "clear",
    },
    {
      title: "three restarts",
      samples: [0, 1, 2, 3].map((life) => healthy({ started_at: iso(life), instance: `${life}` }, 60_000 - life)),
      reads: "breach crash_loop",
    },
    {
      title: "three restarts 16 min ago while firing",
      samples: [
        ...[0, 1, 2, 3].map((life) => healthy({ started_at: iso(life) }, 16 * MINUTE - life)),
        healthy({ started_at: iso(3) }),
      ],
      firing: true,
      reads: "clear",
    },
  ],
  TelemetryAbsent: [
    { title: "turned off", samples: [healthy({ telemetry: { enabled: false, exporting: false } })], reads: "clear" },
    {
      title: "not exporting for 9 min",
      samples: [healthy({ telemetry: { exporting: false } }, 9 * MINUTE), healthy({ telemetry: { exporting: false } })],
      reads: "clear",
    },
    {
      title: "not exporting for 10 min",
      samples: [
        healthy({ telemetry: { exporting: false } }, 10 * MINUTE),
        healthy({ telemetry: { exporting: false } }),
      ],
      reads: "breach exporter_failing",
    },
    {
      title: "this instance arrived 11 min ago",
      samples: [healthy(), own({ lastMetricsAtMs: { shopbot: { instance: "i1", atMs: NOW.atMs - 11 * MINUTE } } })],
      reads: "breach collector_down",
    },
    {
      title: "another instance arrived 11 min ago",
      samples: [healthy(), own({ lastMetricsAtMs: { shopbot: { instance: "i0", atMs: NOW.atMs - 11 * MINUTE } } })],
      reads: "clear",
    },
    { title: "nothing of it ever arrived here", samples: [healthy(), own({})], reads: "clear" },
    {
      title: "nothing has arrived since the sidecar was restarted in the silence",
      samples: [healthy(), own({})],
      firing: true,
      cause: "collector_down",
      reads: "unknown",
    },
    {
      title: "the bot was restarted in the silence",
      samples: [healthy(), own({ lastMetricsAtMs: { shopbot: { instance: "i0", atMs: NOW.atMs - 11 * MINUTE } } })],
      firing: true,
      cause: "collector_down",
      reads: "unknown",
    },
    {
      title: "it arrives again",
      samples: [healthy(), own({ lastMetricsAtMs: { shopbot: { instance: "i1", atMs: NOW.atMs } } })],
      firing: true,
      cause: "collector_down",
      reads: "clear",
    },
    {
      title: "it exports again, to somewhere else",
      samples: [healthy(), own({})],
      firing: true,
      cause: "exporter_failing",
      reads: "clear",
    },
  ],
  BackupStale: [
    { title: "off", samples: [healthy({ backup: null })], reads: "unknown" },
    {
      title: "25 h old",
      samples: [healthy({ backup: { last_verified_at: iso(25 * HOUR), last_error: null } })],
      reads: "clear",
    },
    {
      title: "27 h old",
      samples: [healthy({ backup: { last_verified_at: iso(27 * HOUR), last_error: "no space" } })],
      reads: "breach",
    },
    {
      title: "none yet, first seen now",
      samples: [healthy({ backup: { last_verified_at: null, last_error: null } })],
      reads: "clear",
    },
    {
      title: "none yet, first seen 27 h ago",
      samples: [
        healthy({ backup: { last_verified_at: null, last_error: null } }, 27 * HOUR),
        healthy({ backup: { last_verified_at: null, last_error: null } }),
      ],
      reads: "breach",
    },
    {
      title: "the sidecar's own, 27 h old",
      samples: [own({ backup: { lastVerifiedAtMs: NOW.wallMs - 27 * HOUR, lastError: null } })],
      target: "sidecar",
      reads: "breach",
    },
  ],
  TelegramTokenInvalid: [
    {
      title: "401 once",
      samples: [getMe({ ok: false, errorCode: 401, description: "Unauthorized" })],
      reads: "unknown",
    },
    {
      title: "401 twice",
      samples: [1, 0].map((ago) => getMe({ ok: false, errorCode: 401, description: "Unauthorized" }, ago)),
      reads: "breach auth_revoked",
    },
    {
      title: "401 once, seen by the bot as well",
      samples: [
        healthy({
          telegram: { last_error: { at: iso(1), reason: "unauthorized", code: 401, description: "Unauthorized" } },
        }),
        getMe({ ok: false, errorCode: 401, description: "Unauthorized" }),
      ],
      reads: "breach auth_revoked",
    },
    {
      title: "another bot answers",
      samples: [getMe({ ok: true, id: 8, username: "other" })],
      reads: "breach wrong_token",
    },
    { title: "the right bot answers", samples: [getMe({ ok: true, id: 7, username: "shop" })], reads: "clear" },
    {
      title: "Telegram is down",
      samples: [getMe({ ok: false, errorCode: 502, description: "Bad Gateway" })],
      reads: "unknown",
    },
    {
      title: "the alert bot's token is refused",
      samples: [],
      target: "alert bot",
      alertTokenRefused: true,
      reads: "breach auth_revoked",
    },
    {
      title: "the alert bot's token works",
      samples: [],
      target: "alert bot",
      alertTokenRefused: false,
      reads: "clear",
    },
    { title: "alerts have no token of their own", samples: [], target: "alert bot", reads: "unknown" },
  ],
  TelegramPollingConflict: [
    { title: "a 409 newer than the last success", samples: [conflictAt(1000, 60_000)], reads: "breach second_poller" },
    { title: "a 409 and no success ever", samples: [conflictAt(1000, null)], reads: "breach second_poller" },
    {
      title: "a 409 before the bot's clock was set back an hour, and polls that return since",
      samples: [
        healthy({
          telegram: {
            last_error: { at: iso(-HOUR), reason: "conflict", code: 409, description: "" },
            last_success_at: iso(1000),
          },
        }),
      ],
      reads: "clear",
    },
    { title: "a 409 older than the last success", samples: [conflictAt(60_000, 1000)], reads: "clear" },
    {
      title: "three of them in 5 min",
      samples: [90, 60, 30].map((seconds) => conflictAt(seconds * 1000, 1000)),
      reads: "breach second_poller",
    },
    {
      title: "with a webhook",
      samples: [webhook({ url: "https://hooks.example/x" })(0), conflictAt(1000, 60_000)],
      reads: "breach webhook_set",
    },
  ],
  TelegramWebhookMisconfigured: [
    {
      title: "two looks with a webhook",
      samples: [healthy(), ...repeat(2, webhook({ url: "https://hooks.example/secret" }))],
      reads: "clear",
    },
    {
      title: "three looks with a webhook",
      samples: [healthy(), ...repeat(3, webhook({ url: "https://hooks.example/secret" }))],
      reads: "breach webhook_set",
    },
    {
      title: "a webhook of a bot that does not poll",
      samples: [
        healthy({ telegram: { mode: "webhook" } }),
        ...repeat(3, webhook({ url: "https://hooks.example/secret" })),
      ],
      reads: "clear",
    },
    {
      title: "buttons are not asked for",
      samples: [healthy(), ...repeat(3, webhook({ allowedUpdates: ["message"] }))],
      reads: "breach allowed_updates warning",
    },
    {
      title: "only messages are sent and asked for",
      samples: [
        healthy({ telegram: { allowed_updates: ["message"] } }),
        ...repeat(3, webhook({ allowedUpdates: ["message"] })),
      ],
      reads: "clear",
    },
    {
      title: "a bot that does not say what it asks for",
      samples: [healthy({ telegram: { allowed_updates: null } }), ...repeat(3, webhook({ allowedUpdates: ["poll"] }))],
      reads: "clear",
    },
    { title: "Telegram's default list", samples: [healthy(), ...repeat(3, webhook({}))], reads: "clear" },
  ],
  DiskSpaceLow: [
    { title: "9 % of 4 TB", samples: [disk(360 * GiB, 4000 * GiB)], target: "/data", reads: "clear" },
    { title: "a half-full volume of 1 GiB", samples: [disk(GiB / 2, GiB)], target: "/data", reads: "clear" },
    {
      title: "9 % and 4.5 GiB",
      samples: [disk(4.5 * GiB, 50 * GiB)],
      target: "/data",
      reads: "breach other_files",
    },
    {
      title: "9 %, and most of the rest is telemetry",
      samples: [
        disk(GiB / 2, 5 * GiB, {
          own: { largest: { name: "telemetry.db", kind: "telemetry", bytes: 2 * GiB }, bytes: 3 * GiB },
        }),
      ],
      target: "/data",
      reads: "breach own_telemetry critical",
    },
    {
      title: "11 % while firing",
      samples: [disk(5.5 * GiB, 50 * GiB)],
      target: "/data",
      firing: true,
      reads: "breach other_files",
    },
    { title: "11 %", samples: [disk(5.5 * GiB, 50 * GiB)], target: "/data", reads: "clear" },
    {
      title: "4 % and 4 GiB",
      samples: [disk(4 * GiB, 100 * GiB)],
      target: "/data",
      reads: "breach other_files critical",
    },
    {
      title: "19 % of 4 GiB",
      samples: [disk(0.76 * GiB, 4 * GiB)],
      target: "/data",
      reads: "breach other_files critical",
    },
    {
      title: "unreadable",
      samples: [sample("disk", { result: { ok: false, code: "EACCES" } }, "/data")],
      target: "/data",
      reads: "unknown",
    },
  ],
  DiskInodesLow: [
    { title: "4 % left", samples: [disk(50 * GiB, 100 * GiB, { inodesFree: 40 })], target: "/data", reads: "breach" },
    {
      title: "2 % left",
      samples: [disk(50 * GiB, 100 * GiB, { inodesFree: 20 })],
      target: "/data",
      reads: "breach critical",
    },
    {
      title: "5.5 % left while firing",
      samples: [disk(50 * GiB, 100 * GiB, { inodesFree: 55 })],
      target: "/data",
      firing: true,
      reads: "breach",
    },
    {
      title: "a file system without inodes",
      samples: [disk(50 * GiB, 100 * GiB, { inodesFree: 0, inodes: 0 })],
      target: "/data",
      reads: "unknown",
    },
  ],
  DiskFillingUp: [
    { title: "full in 22 h", samples: filling(falling(1.16 * GiB)), target: "/data", reads: "breach" },
    { title: "full in 2 h", samples: filling(falling(5 * GiB)), target: "/data", reads: "breach critical" },
    { title: "full in 46 h", samples: filling(falling(0.6 * GiB)), target: "/data", reads: "clear" },
    {
      title: "full in 46 h while firing",
      samples: filling(falling(0.6 * GiB)),
      target: "/data",
      firing: true,
      reads: "breach",
    },
    { title: "half empty", samples: filling(falling(5 * GiB, 90 * GiB)), target: "/data", reads: "clear" },
    { title: "two hours of history", samples: filling(falling(2 * GiB).slice(-24)), target: "/data", reads: "clear" },
    {
      title: "noise around a level",
      samples: filling(falling(0).map(([ago, level], at) => [ago, level + (at % 2) * GiB])),
      target: "/data",
      reads: "clear",
    },
    {
      title: "a cleanup starts the history anew",
      samples: filling([...falling(2 * GiB).slice(0, -1), [0, 38 * GiB]]),
      target: "/data",
      reads: "clear",
    },
  ],
  HostOffline: [
    ...(
      [
        ["Telegram and the control target fail", "tcp", true, "breach host_offline"],
        ["only Telegram fails", "tcp", false, "clear"],
        ["only the control target fails", undefined, true, "clear"],
      ] as const
    ).map(([title, telegram, control, reads]) => ({
      title,
      target: "host",
      reads,
      samples: [
        sample("control", {}, "1.1.1.1:443", HOUR),
        ...[30_000, 15_000].flatMap((ago) => [
          sample(
            "control",
            control ? { failure: { phase: "tcp", code: "ENETUNREACH", message: "" } } : {},
            "1.1.1.1:443",
            ago,
          ),
          sample(
            "telegram",
            {
              paths: [
                telegram
                  ? { family: 4, failure: { phase: telegram, code: "ETIMEDOUT", message: "" } }
                  : { family: 4, ttfbMs: 9 },
              ],
            },
            "shopbot",
            ago,
          ),
        ]),
      ],
    })),
    {
      title: "a control target that never answered does not count",
      target: "host",
      reads: "unknown",
      samples: [30_000, 15_000].flatMap((ago) => [
        sample("control", { failure: { phase: "tcp", code: "ENETUNREACH", message: "" } }, "1.1.1.1:443", ago),
        sample(
          "telegram",
          { paths: [{ family: 4, failure: { phase: "tcp", code: "ETIMEDOUT", message: "" } }] },
          "shopbot",
          ago,
        ),
      ]),
    },
  ],
  DependencyUnhealthy: [
    {
      title: "two failures",
      samples: repeat(2, (ago) =>
        sample(
          "dependency",
          { durationMs: 1, failure: { phase: "tcp", code: "ECONNREFUSED", message: "" } },
          "whisper",
          ago,
        ),
      ),
      target: "whisper",
      reads: "unknown",
    },
    {
      title: "three failures",
      samples: repeat(3, (ago) =>
        sample(
          "dependency",
          { durationMs: 1, failure: { phase: "tcp", code: "ECONNREFUSED", message: "" } },
          "whisper",
          ago,
        ),
      ),
      target: "whisper",
      reads: "breach tcp",
    },
    {
      title: "three times status 503",
      samples: repeat(3, (ago) => sample("dependency", { durationMs: 1, status: 503 }, "whisper", ago)),
      target: "whisper",
      reads: "breach status",
    },
    {
      title: "the bot's own check of it fails too",
      samples: [
        ...repeat(3, (ago) => healthy({ checks: { whisper: { ok: false, error: "refused" } } }, ago)),
        sample("dependency", { durationMs: 1, status: 200 }, "whisper"),
      ],
      target: "whisper",
      reads: "breach check_failed",
    },
    {
      title: "a check of the bot alone",
      samples: repeat(3, (ago) => healthy({ checks: { sqlite: { ok: false, error: "malformed" } } }, ago)),
      target: "shopbot/sqlite",
      reads: "breach check_failed",
    },
    {
      title: "the sidecar's own database",
      samples: repeat(3, () => own({ sqlite: { ok: false, error: "malformed" } })),
      target: "sidecar/sqlite",
      reads: "breach check_failed",
    },
  ],
};

for (const [name, cases] of Object.entries(CASES))
  for (const { title, samples, reads, ...options } of cases)
    test(`${name}: ${title} reads ${reads}`, () => {
      const { value, cause, severity } = read(name as RuleName, samples, options);
      const said = [value, ...(cause === undefined ? [] : [cause]), ...(severity === undefined ? [] : [severity])].join(
        " ",
      );
      assert.equal(said, reads);
    });

test("every rule has thresholds, and every threshold a rule", () => {
  const names = Object.keys(defaultThresholds(300_000, { max: 10, windowMs: HOUR }));
  assert.deepEqual(RULES.map(({ name }) => name).sort(), names.sort());
});

test("a setting of the file changes the rule it names", () => {
  const set = createThresholds(
    300_000,
    { max: 10, windowMs: HOUR },
    {
      TelegramBotDisconnected: { after: 60_000, severity: "warning" },
      DependencyUnhealthy: { after: 5000, recover_after: 7000, enabled: false },
      TelegramBotErrorBurst: { enabled: true, max: 20, window: 60_000 },
    },
  );
  assert.equal(set.TelegramBotDisconnected.afterMs, 60_000);
  assert.equal(set.TelegramBotDisconnected.severity, "warning");
  assert.equal(set.DependencyUnhealthy.forMs, 5000);
  assert.equal(set.DependencyUnhealthy.clearMs, 7000);
  assert.equal(set.DependencyUnhealthy.enabled, false);
  assert.equal(set.TelegramBotErrorBurst.max, 20);
  assert.equal(set.TelegramBotErrorBurst.windowMs, 60_000);
  const tight = createThresholds(3000, { max: 10, windowMs: HOUR });
  assert.equal(tight.TelegramBotDown.forMs, 1200, "waits shrink with DISCONNECTED_AFTER");
});
