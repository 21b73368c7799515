import assert from "node:assert/strict";
import { test } from "node:test";
import type { Incident } from "../state/records.ts";
import { type Around, render, type RenderOptions } from "./render.ts";
import { incidentOf, toldOf } from "./testing-records.ts";
import { RULES } from "./rules.ts";
import { causeText, summaryOf, wordsOf } from "./words.ts";

const WALL = Date.parse("2026-11-20T14:07:23Z");
const NOW = { atMs: 10_000_000, wallMs: WALL };
const MINUTE = 60_000;

const OPTIONS: RenderOptions = {
  links: { grafanaUrl: "https://grafana.example.org", consoleUrl: "http://127.0.0.1:8090", runbookUrl: undefined },
  environment: "prod",
  host: "web-1",
  displayTimeZone: "Europe/Berlin",
  actions: true,
};
const AROUND: Around = {
  kind: "firing",
  told: undefined,
  children: [],
  earlier: [],
  elsewhere: [],
  mayRepeat: false,
  lateMs: 0,
  silenced: false,
  acked: false,
  stateProblem: undefined,
};
const ageMs = 5 * MINUTE + 12_000;
const disconnect = (over: Partial<Incident> = {}) =>
  incidentOf({
    severity: "critical",
    cause: "poll_stalled",
    startedAtMs: NOW.atMs - ageMs,
    startedWallMs: WALL - ageMs,
    facts: {
      ageMs,
      limitMs: 5 * MINUTE,
      way: "Telegram is reachable from this host (dns 9 · tcp 31 · tls 64 · ttfb 88 ms)",
      waiting: 41,
      uptimeSeconds: 259_200,
      lastError: "HttpError: getUpdates aborted",
    },
    traceIds: ["4bf92f3577b34da6a3ce929d0e0e4736"],
    ...over,
  });
const show = (incident: Incident, around: Partial<Around> = {}, options: Partial<RenderOptions> = {}) =>
  render(incident, { ...AROUND, ...around }, { ...OPTIONS, ...options }, NOW);

const ended = (over: Partial<Incident> = {}) =>
  disconnect({
    state: "resolved",
    startedAtMs: 0,
    startedWallMs: Date.parse("2026-11-20T14:02:11Z"),
    clearedAtMs: 4_769_000,
    clearedWallMs: Date.parse("2026-11-20T15:21:40Z"),
    resolvedAtMs: 4_889_000,
    resolvedWallMs: Date.parse("2026-11-20T15:23:40Z"),
    ...over,
  });

const GOLDEN: [string, ReturnType<typeof render>, string][] = [
  [
    "a firing",
    show(disconnect()),
    `🔴 <b>shopbot: disconnected from Telegram</b> · prod
No getUpdates has returned for 5 min 12 s (limit 5 min).
Since 14:02:11 UTC (15:02 Berlin)
<b>Cause:</b> poll stalled: the connection of the long poll is dead. Telegram is reachable from this host (dns 9 · tcp 31 · tls 64 · ttfb 88 ms), process up 3 d, 41 updates waiting.
<b>Last error:</b> <code>HttpError: getUpdates aborted</code>
Runbook: http://127.0.0.1:8090/runbooks/telegram-bot-disconnected
<code>#K7F2 · msg 1 · web-1</code>`,
  ],
  [
    "a reminder",
    show(disconnect({ startedAtMs: NOW.atMs - 65 * MINUTE, startedWallMs: WALL - 65 * MINUTE }), {
      kind: "repeat",
      told: toldOf({ repeats: 0 }),
    }),
    `🔴 <b>shopbot: still disconnected, 1 h 5 min</b> · prod
No getUpdates has returned for 5 min 12 s (limit 5 min).
Since 13:02:23 UTC (14:02 Berlin); next reminder in 2 h. Not acknowledged.
<b>Cause:</b> poll stalled: the connection of the long poll is dead. Telegram is reachable from this host (dns 9 · tcp 31 · tls 64 · ttfb 88 ms), process up 3 d, 41 updates waiting.
<b>Last error:</b> <code>HttpError: getUpdates aborted</code>
Runbook: http://127.0.0.1:8090/runbooks/telegram-bot-disconnected
<code>#K7F2 · msg 2 · web-1</code>`,
  ],
  [
    "its end",
    show(ended({ dips: 1 }), { kind: "resolved", told: toldOf({ repeats: 1 }) }),
    `✅ <b>shopbot: connected again</b> · prod
Down 14:02:11 UTC (15:02 Berlin) → 15:21:40 UTC (16:21 Berlin) (1 h 19 min).
1 dip inside the incident, 1 reminder sent.
<a href="https://grafana.example.org/d/gramwatch-overview?var-service=shopbot&amp;from=1795179731000&amp;to=1795188820000">Dashboard</a>
<a href="https://grafana.example.org/d/gramwatch-trace?from=1795179731000&amp;to=1795188820000&amp;var-traceId=4bf92f3577b34da6a3ce929d0e0e4736">Trace 4bf92f35</a>
Runbook: http://127.0.0.1:8090/runbooks/telegram-bot-disconnected
<code>#K7F2 · closed · web-1</code>`,
  ],
  [
    "a missed outage",
    show(
      ended({
        cause: "telegram_unreachable",
        facts: { ageMs, limitMs: 5 * MINUTE, way: "from this host too: tcp ETIMEDOUT (v4)" },
      }),
      {
        kind: "missed",
        lateMs: 22 * MINUTE,
        elsewhere: [{ channel: "ntfy", wallMs: Date.parse("2026-11-20T14:07:00Z") }],
      },
    ),
    `🟠 <b>shopbot: was disconnected from Telegram, over now</b> · prod
Down 14:02:11 UTC (15:02 Berlin) → 15:21:40 UTC (16:21 Berlin) (1 h 19 min).
<b>Cause:</b> Telegram is not reachable from here. From this host too: tcp ETIMEDOUT (v4).
No getUpdates has returned for 5 min 12 s (limit 5 min).
Delivered 22 min late because this channel was down; sent to ntfy at 14:07:00 UTC (15:07 Berlin).
<a href="https://grafana.example.org/d/gramwatch-overview?var-service=shopbot&amp;from=1795179731000&amp;to=1795188820000">Dashboard</a>
<a href="https://grafana.example.org/d/gramwatch-trace?from=1795179731000&amp;to=1795188820000&amp;var-traceId=4bf92f3577b34da6a3ce929d0e0e4736">Trace 4bf92f35</a>
Runbook: http://127.0.0.1:8090/runbooks/telegram-bot-disconnected
<code>#K7F2 · closed · web-1</code>`,
  ],
  [
    "its end, when it only is watched no more",
    show(ended({ clearedAtMs: null, clearedWallMs: null, unwatched: true }), { kind: "resolved", told: toldOf({}) }),
    `⚪ <b>shopbot: disconnected from Telegram; no longer watched</b> · prod
Began 14:02:11 UTC (15:02 Berlin). The configuration no longer names it or turned its rule off; it may still be so.
<a href="https://grafana.example.org/d/gramwatch-overview?var-service=shopbot&amp;from=1795179731000&amp;to=1795188820000">Dashboard</a>
<a href="https://grafana.example.org/d/gramwatch-trace?from=1795179731000&amp;to=1795188820000&amp;var-traceId=4bf92f3577b34da6a3ce929d0e0e4736">Trace 4bf92f35</a>
Runbook: http://127.0.0.1:8090/runbooks/telegram-bot-disconnected
<code>#K7F2 · closed · web-1</code>`,
  ],
  [
    "its end, when nobody knows whether the beginning arrived",
    show(
      ended({ facts: { ageMs, limitMs: 5 * MINUTE } }),
      { kind: "resolved", mayRepeat: true },
      { displayTimeZone: undefined },
    ),
    `✅ <b>shopbot: connected again</b> · prod
Down 14:02:11 UTC → 15:21:40 UTC (1 h 19 min).
<b>Cause:</b> poll stalled: the connection of the long poll is dead.
No getUpdates has returned for 5 min 12 s (limit 5 min).
↻ may repeat <code>#K7F2</code>
<a href="https://grafana.example.org/d/gramwatch-overview?var-service=shopbot&amp;from=1795179731000&amp;to=1795188820000">Dashboard</a>
<a href="https://grafana.example.org/d/gramwatch-trace?from=1795179731000&amp;to=1795188820000&amp;var-traceId=4bf92f3577b34da6a3ce929d0e0e4736">Trace 4bf92f35</a>
Runbook: http://127.0.0.1:8090/runbooks/telegram-bot-disconnected
<code>#K7F2 · closed · web-1</code>`,
  ],
];
for (const [title, message, text] of GOLDEN) test(`the text of ${title}`, () => assert.equal(message.html, text));

test("a button needs a host that Telegram takes; the others stand as text", () => {
  const { buttons, html } = show(disconnect());
  assert.deepEqual(
    buttons.map((row) => row.map(({ text, data, url }) => `${text} ${data ?? url}`)),
    [
      ["✓ Ack a|K7F2|9FQ2", "🔕 1h s1|K7F2|9FQ2", "🔕 8h s8|K7F2|9FQ2"],
      [
        "Dashboard https://grafana.example.org/d/gramwatch-overview?var-service=shopbot&from=1795179731000&to=now",
        "Trace 4bf92f35 https://grafana.example.org/d/gramwatch-trace?from=1795179731000&to=now&var-traceId=4bf92f3577b34da6a3ce929d0e0e4736",
      ],
    ],
  );
  assert.match(html, /^Runbook: http:\/\/127\.0\.0\.1:8090/m);
  for (const { data } of buttons.flat()) assert.ok(Buffer.byteLength(data ?? "") <= 64);
});

test("without admins there are no action buttons, and a closed incident has none at all", () => {
  assert.ok(
    show(disconnect(), {}, { actions: false })
      .buttons.flat()
      .every(({ data }) => data === undefined),
  );
  assert.deepEqual(show(ended(), { kind: "edit", told: toldOf({}) }).buttons, []);
});

test("an acknowledged firing shows by whom and offers the way back", () => {
  const { html, buttons } = show(disconnect({ ackedBy: "@ada <admin>" }), {
    kind: "edit",
    acked: true,
    told: toldOf({}),
  });
  assert.match(html, /✓ Acknowledged by @ada &lt;admin&gt;/);
  assert.deepEqual(
    buttons[0]?.map(({ data }) => data),
    ["u|K7F2|9FQ2"],
  );
});

test("loud are a critical firing, a severity that rose and the first reminder; the rest is silent", () => {
  const critical = disconnect();
  const warning = disconnect({ severity: "warning" });
  assert.equal(show(critical).silent, false);
  assert.equal(show(warning).silent, true);
  assert.equal(show(critical, { kind: "worse" }).silent, false);
  assert.equal(show(critical, { kind: "repeat", told: toldOf({ repeats: 0 }) }).silent, false);
  assert.equal(show(critical, { kind: "repeat", told: toldOf({ repeats: 1 }) }).silent, true);
  assert.equal(show(warning, { kind: "repeat", told: toldOf({ repeats: 0 }) }).silent, true);
  assert.equal(show(ended(), { kind: "resolved" }).silent, true);
  assert.equal(show(critical, { kind: "edit" }).silent, true);
});

test("resolved answers the firing; an edit goes to it", () => {
  const told = toldOf({ messageId: 11 });
  assert.deepEqual(
    [show(ended(), { kind: "resolved", told }).replyTo, show(ended(), { kind: "resolved", told }).edit],
    [11, null],
  );
  assert.deepEqual(
    [show(ended(), { kind: "edit", told }).replyTo, show(ended(), { kind: "edit", told }).edit],
    [null, 11],
  );
});

test("what is around the incident is named: children, state, repeats", () => {
  const { html } = show(disconnect({ severity: "critical" }), {
    kind: "worse",
    children: [incidentOf({ id: "M3QD", rule: "UpdatesBacklog" })],
    earlier: [ended({ id: "AAAA" })],
    stateProblem: "state not saved: no space left",
    mayRepeat: true,
    silenced: true,
  });
  assert.match(html, /Explains <code>#M3QD<\/code> shopbot: updates pile up/);
  assert.match(html, /Before that: 14:02:11 UTC/);
  assert.match(html, /⚠ state not saved: no space left/);
  assert.match(html, /↻ may repeat <code>#K7F2<\/code>/);
  assert.match(html, /More severe than before/);
  assert.match(html, /🔕 Silenced/);
});

test("hostile and endless text stays within the limit and whole", () => {
  const hostile = `<b>&\`_*\ud800\u0000</code>${"🧨".repeat(5000)}`;
  const message = show(
    disconnect({
      target: hostile,
      facts: { ageMs, limitMs: 1, lastError: hostile, way: hostile },
      errors: Array.from({ length: 9 }, () => ({ fingerprint: hostile, count: 1, isNew: true, traceId: null })),
      ackedBy: hostile,
    }),
    { acked: true, children: Array.from({ length: 9 }, () => incidentOf({ target: hostile })), stateProblem: hostile },
    { host: hostile },
  );
  assert.ok(message.html.length <= 3500, `${message.html.length}`);
  assert.ok(message.html.isWellFormed());
  assert.doesNotMatch(message.html, /\u0000/);
  const stack: string[] = [];
  for (const [, close, tag] of message.html.matchAll(/<(\/?)([a-z]+)[^>]*>/g)) {
    if (close === "") stack.push(tag ?? "");
    else assert.equal(stack.pop(), tag);
  }
  assert.deepEqual(stack, []);
});

test("every rule has its words, also without any facts", () => {
  for (const { name } of RULES) {
    const words = wordsOf(name);
    for (const text of [words.firing, words.still, words.resolved, words.missed, words.line({})]) {
      assert.ok(text.length > 0, name);
      assert.doesNotMatch(text, /undefined|NaN/, name);
    }
    assert.match(summaryOf(incidentOf({ rule: name })), /^shopbot: /);
  }
});

test("a cause that says no more than the line stays out", () => {
  assert.equal(causeText({ cause: "heap", facts: {} }), undefined);
  assert.equal(causeText({ cause: null, facts: {} }), undefined);
  assert.equal(
    causeText({ cause: "dns_broken", facts: { noControl: true } }),
    "the name of the Bot API does not resolve. No control target",
  );
});
