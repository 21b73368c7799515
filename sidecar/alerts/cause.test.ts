import assert from "node:assert/strict";
import { test } from "node:test";
import type { BotHealth, PathPhases, Sample } from "../probes/probe.ts";
import { type Cause, disconnectCause, wayToTelegram } from "./cause.ts";
import { type body, healthy, iso, NOW, read, refused, sample, worldOf } from "./testing.ts";
import { causeText } from "./words.ts";

const MINUTE = 60_000;
type Telegram = Partial<BotHealth["telegram"]>;
const deaf = (telegram: Telegram = {}, over: Parameters<typeof body>[0] = {}) =>
  healthy({ ...over, telegram: { connected: false, in_flight_since: null, ...telegram } });
const error = (reason: string, code: number | null = null): Telegram => ({
  last_error: { at: iso(1000), reason, code, description: reason },
});
/** From before the last poll that returned. */
const old = (reason: string, code: number | null = null): Telegram => ({
  last_error: { at: iso(90_000), reason, code, description: reason },
});
const failing = (phase: "dns" | "tcp" | "tls" | "ttfb", family: 4 | 6 = 4): PathPhases => ({
  family,
  failure: { phase, code: "UND_ERR_CONNECT_TIMEOUT", message: "" },
});
const fine: PathPhases = { family: 4, dnsMs: 9.2, tcpMs: 31, tlsMs: 64, ttfbMs: 88 };
const way = (paths: PathPhases[], more = {}) =>
  [2, 1].map((ago) => sample("telegram", { paths, ...more }, "shopbot", ago));
/** An outage that we saw ourselves, over `agoMs` before now; the bot's last error is 1 s old. */
const outageUntil = (agoMs: number, phase: "dns" | "tcp" = "tcp") => [
  ...[4000, 3000].map((ago) => sample("telegram", { paths: [failing(phase)] }, "shopbot", ago)),
  ...[0, 100, 200].map((later) => sample("telegram", { paths: [fine] }, "shopbot", agoMs - later)),
];
const me = (given: object) => way([fine], { getMe: given, expectedId: 7 });
const controls = (fails: boolean) => [
  sample("control", {}, "1.1.1.1:443", MINUTE),
  ...[2, 1].map((ago) =>
    sample("control", fails ? { failure: { phase: "tcp", code: "ENETUNREACH", message: "" } } : {}, "1.1.1.1:443", ago),
  ),
];
const webhookSet = sample("webhook", { result: { ok: true, url: "https://hooks.example/x", pending: 0 } });
const wedged = sample("health", {
  result: { ok: false, failure: { phase: "ttfb", code: "UND_ERR_HEADERS_TIMEOUT", message: "" } },
});

const CASES: [string, Sample[], Cause][] = [
  ["nobody listens at /health", [refused()], "process_down"],
  ["its host does not answer", [refused("UND_ERR_CONNECT_TIMEOUT")], "bot_host_unreachable"],
  ["/health accepts and is silent", [wedged], "process_wedged"],
  ["Telegram and every control target fail", [deaf(), ...way([failing("tcp")]), ...controls(true)], "host_offline"],
  ["getMe says 401", [deaf(), ...me({ ok: false, errorCode: 401, description: "Unauthorized" })], "auth_revoked"],
  ["getMe says 404", [deaf(), ...me({ ok: false, errorCode: 404, description: "Not Found" })], "auth_revoked"],
  ["another bot answers", [deaf(), ...me({ ok: true, id: 8, username: "other" })], "wrong_token"],
  ["a webhook is set", [deaf(error("conflict", 409)), webhookSet, ...way([fine])], "webhook_set"],
  ["409 without a webhook", [deaf(error("conflict", 409)), ...way([fine])], "second_poller"],
  ["a flood wait", [deaf({ flood_until: iso(-90_000) }), ...way([fine])], "flood_wait"],
  ["the name does not resolve", [deaf(), ...way([failing("dns")]), ...controls(false)], "dns_broken"],
  ["no control target counts and the name does not resolve", [deaf(), ...way([failing("dns")])], "dns_broken"],
  ["only Telegram fails", [deaf(), ...way([failing("tls")]), ...controls(false)], "telegram_unreachable"],
  [
    "both families fail",
    [deaf(), ...way([failing("tcp"), failing("tcp", 6)]), ...controls(false)],
    "telegram_unreachable",
  ],
  ["IPv6 fails and the bot cannot connect", [deaf(error("connect")), ...way([fine, failing("tcp", 6)])], "ipv6_broken"],
  ["getMe says 502", [deaf(), ...me({ ok: false, status: 502, description: "Bad Gateway" })], "telegram_5xx"],
  [
    "our newest look and the bot fail alike",
    [deaf(error("dns")), ...way([fine]), ...way([failing("dns")]).slice(1)],
    "dns_broken",
  ],
  [
    "one look of three failed on its way",
    [
      deaf(error("reset")),
      ...way([fine]),
      ...way([failing("tcp")], { getMe: { ok: false, description: "tcp: refused" } }).slice(1),
    ],
    "unknown",
  ],
  ["the loop has ended", [deaf({ stopped: true }), ...way([fine])], "poll_loop_ended"],
  ["only the bot has no way out", [deaf(error("dns")), ...way([fine])], "bot_egress"],
  [
    "Telegram is back, and the bot has not tried since",
    [...outageUntil(900), deaf(error("connect"))],
    "telegram_unreachable",
  ],
  ["the name is back, and the bot has not tried since", [...outageUntil(900, "dns"), deaf(error("dns"))], "dns_broken"],
  ["Telegram is back, and the bot still fails", [...outageUntil(1100), deaf(error("connect"))], "bot_egress"],
  ["the event loop is late", [deaf({}, { event_loop: { delay_p99_ms: 1500 } }), ...way([fine])], "event_loop_blocked"],
  [
    "handlers hold the polls",
    [deaf({}, { updates: { oldest_in_flight_seconds: 90 } }), ...way([fine])],
    "handlers_stuck",
  ],
  ["a poll is in flight for 90 s", [deaf({ in_flight_since: iso(90_000) }), ...way([fine])], "poll_stalled"],
  ["the next attempt is 90 s away", [deaf({ next_retry_at: iso(-90_000) }), ...way([fine])], "backoff_wait"],
  ["each poll is given up in time", [deaf(error("timeout")), ...way([fine])], "poll_stalled"],
  ["nothing failed and nobody polls", [deaf(), ...way([fine])], "poll_loop_ended"],
  ["an error from before the last success explains nothing", [deaf(old("connect")), ...way([fine])], "poll_loop_ended"],
  ["nor does an old conflict", [deaf(old("conflict", 409)), ...way([fine])], "poll_loop_ended"],
  ["nothing stands out", [deaf(error("reset")), ...way([fine])], "unknown"],
  [
    "'retry after 401' in a text is no 401",
    [deaf(error("flood", 429)), ...me({ ok: true, id: 7, username: "shop" })],
    "unknown",
  ],
  ["no probe of Telegram, a dead poll", [deaf({ in_flight_since: iso(90_000) })], "poll_stalled"],
];
for (const [title, samples, cause] of CASES)
  test(`${title}: ${cause}`, () => {
    const world = worldOf(samples);
    const bot = world.bots["shopbot"];
    assert.ok(bot);
    assert.equal(disconnectCause(world, bot, NOW.atMs, MINUTE), cause);
  });

test("the way to Telegram is told in numbers, or where it ends", () => {
  const told = (samples: Sample[]) => {
    const bot = worldOf(samples).bots["shopbot"];
    return bot && wayToTelegram(bot);
  };
  assert.equal(told(way([fine])), "Telegram is reachable from this host (dns 9 · tcp 31 · tls 64 · ttfb 88 ms)");
  assert.equal(
    told(way([failing("tcp"), failing("dns", 6)])),
    "from this host too: tcp UND_ERR_CONNECT_TIMEOUT (v4), dns UND_ERR_CONNECT_TIMEOUT (v6)",
  );
  assert.equal(told([healthy()]), null);
  const firstGoodLook = sample("telegram", { paths: [fine] }, "shopbot", 0);
  assert.equal(told([...way([failing("tcp")]), firstGoodLook]), null, "one good look of three says nothing yet");
});

test("an outage that is over is told in the past", () => {
  const last = deaf({ ...error("connect"), seconds_since_success: 400 });
  const reading = read("TelegramBotDisconnected", [...outageUntil(900), last]);
  assert.equal(
    reading.value === "breach" &&
      causeText({ cause: reading.cause ?? null, facts: reading.facts ?? {} })?.split(". ")[0],
    "Telegram was not reachable from here and is again; the bot has not tried since",
  );
});
