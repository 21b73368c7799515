import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, Channel } from "../channels/channel.ts";
import type { Sample } from "../probes/probe.ts";
import {
  controlSample,
  createRig,
  dependencySample,
  diskSample,
  health,
  healthSample,
  type Rig,
  telegramSample,
  temporaryDir,
  unreachable,
} from "./testing.ts";
import { noStatus } from "./ledger.ts";
import { deaf, fine, line, memoryChannel } from "./testing-line.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const GiB = 1024 ** 3;

const whisper = (rig: Rig, fails: boolean) => (): Sample[] => [dependencySample(rig.at(), fails)];
const kinds = (channel: ReturnType<typeof memoryChannel>) => channel.got.map(({ kind, rule }) => `${kind} ${rule}`);

test("a quiet week of an idle bot gives no alert and no message", async () => {
  const channel = memoryChannel("telegram");
  const rig = createRig({ channels: [channel] });
  const start = rig.clock.wallMs();
  const idle = (): Sample[] => {
    // Long polls return empty every 30 s; a deploy a day; one error now and then; a backup each night.
    const passed = rig.clock.wallMs() - start;
    const day = Math.floor(passed / (24 * HOUR));
    const waited = (passed % 30_000) / 1000;
    const body = health(rig.at(), {
      instance: `i${day}`,
      started_at: new Date(start + day * 24 * HOUR).toISOString(),
      uptime_seconds: (passed % (24 * HOUR)) / 1000,
      telegram: {
        seconds_since_success: waited,
        last_success_at: new Date(rig.clock.wallMs() - waited * 1000).toISOString(),
      },
      errors: { total: Math.floor((passed % (24 * HOUR)) / (4 * HOUR)), last_at: null, by_reason: {} },
      backup: { last_verified_at: new Date(start + day * 24 * HOUR).toISOString(), last_error: null },
    });
    return [
      healthSample(rig.at(), body),
      telegramSample(rig.at()),
      controlSample(rig.at(), false),
      dependencySample(rig.at(), false),
      diskSample(rig.at(), 50 * GiB - (passed / HOUR) * 1e6),
    ];
  };
  await rig.run(7 * 24 * HOUR, idle, 15 * SECOND);
  assert.deepEqual(kinds(channel), []);
  assert.deepEqual(rig.engine.alerts("all"), []);
});

test("errors that a disconnect causes wait for it and are told by it", async () => {
  const channel = memoryChannel("telegram");
  const rig = createRig({ channels: [channel] });
  await rig.run(MINUTE, () => fine(rig));
  const since = rig.clock.wallMs();
  const failing = (): Sample[] => {
    const [health] = deaf(rig, since);
    if (health?.kind === "health" && health.result.ok && rig.clock.wallMs() - since > 70 * SECOND)
      health.result.body.errors.total = 15;
    return [...(health ? [health] : []), telegramSample(rig.at())];
  };
  await rig.run(4 * MINUTE, failing);
  assert.deepEqual(kinds(channel), [], "eleven failed replies page nobody before the disconnect explains them");
  await rig.run(2 * MINUTE, failing);
  assert.deepEqual(kinds(channel), ["firing TelegramBotDisconnected"]);
  assert.match(channel.got[0]?.plain ?? "", /Explains #.{4} shopbot: too many errors/);
  await rig.run(5 * MINUTE, () =>
    fine(rig).map((sample) => {
      if (sample.kind === "health" && sample.result.ok) sample.result.body.errors.total = 15;
      return sample;
    }),
  );
  assert.deepEqual(
    kinds(channel),
    ["firing TelegramBotDisconnected", "resolved TelegramBotDisconnected", "firing TelegramBotErrorsHigh"],
    "what still fires when its cause is over is told",
  );
});

test("a burst of errors fires where the rule is turned on, and the slow count answers it", async () => {
  const channel = { ...memoryChannel("telegram"), edits: true, dialect: "telegram" as const };
  channel.send = async (message) => {
    channel.got.push(message);
    const text = JSON.stringify({ ok: true, result: { message_id: channel.got.length } });
    return { answered: true, status: 200, text, retryAfter: null };
  };
  const rig = createRig({ channels: [channel], rules: { TelegramBotErrorBurst: { enabled: true, max: 15 } } });
  const errors = (total: number) => () => [
    healthSample(rig.at(), health(rig.at(), { errors: { total, last_at: null, by_reason: {} } })),
  ];
  await rig.run(MINUTE, errors(0));
  await rig.run(30 * SECOND, errors(16));
  assert.deepEqual(kinds(channel).sort(), ["firing TelegramBotErrorBurst", "firing TelegramBotErrorsHigh"]);
  const [burst, slow] = ["TelegramBotErrorBurst", "TelegramBotErrorsHigh"].map((rule) =>
    channel.got.find((message) => message.rule === rule),
  );
  assert.deepEqual(
    [burst?.silent, slow?.silent, slow?.replyTo],
    [false, true, channel.got.indexOf(burst as never) + 1],
  );
  await rig.run(12 * MINUTE, errors(16));
  assert.ok(kinds(channel).includes("resolved TelegramBotErrorBurst"));
});

test("reminders come after 1, 2 and 4 hours, and not while acknowledged", async () => {
  const channel = memoryChannel("telegram");
  const rig = createRig({ channels: [channel] });
  await rig.run(2 * MINUTE, whisper(rig, true), 10 * SECOND);
  await rig.run(7 * HOUR + 5 * MINUTE, whisper(rig, true), 10 * SECOND);
  assert.deepEqual(
    channel.got.map(({ kind }) => kind),
    ["firing", "repeat", "repeat", "repeat"],
  );
  assert.match(channel.got[1]?.title ?? "", /still unhealthy, 1 h/);
  rig.engine.ack(rig.engine.alerts("firing")[0]?.id ?? "", "@ada");
  await rig.run(20 * HOUR, whisper(rig, true), 10 * SECOND);
  assert.equal(channel.got.length, 4);
  await rig.run(10 * HOUR, whisper(rig, true), 10 * SECOND);
  assert.equal(channel.got.length, 5, "an ack lasts a day");
});

test("a severity that rises rings again and ends an ack", async () => {
  const channel = memoryChannel("telegram");
  const rig = createRig({ channels: [channel] });
  const disk = (bytes: number) => () => [diskSample(rig.at(), bytes, 50 * GiB)];
  await rig.run(MINUTE, disk(20 * GiB));
  await rig.run(6 * MINUTE, disk(4 * GiB));
  rig.engine.ack(rig.engine.alerts("firing")[0]?.id ?? "", "@ada");
  await rig.run(MINUTE, disk(GiB));
  assert.deepEqual(
    channel.got.map(({ kind, severity, silent }) => `${kind} ${severity} ${silent}`),
    ["firing warning true", "worse critical false"],
  );
  assert.equal(rig.engine.alerts("firing")[0]?.acked_by, null);
});

test("alerts have the contract's shape", async () => {
  const rig = createRig({
    channels: [memoryChannel("telegram")],
    evidence: { lastFailingTrace: () => "4bf92f3577b34da6a3ce929d0e0e4736", topErrors: () => [] },
  });
  await rig.run(MINUTE, () => fine(rig));
  const since = rig.clock.wallMs();
  await rig.run(6 * MINUTE, () => deaf(rig, since));
  const [alert] = rig.engine.alerts("firing");
  assert.match(alert?.cause_text ?? "", /^poll stalled: /);
  assert.deepEqual(alert, {
    id: alert?.id,
    rule: "TelegramBotDisconnected",
    target: "shopbot",
    severity: "critical",
    state: "firing",
    cause: "poll_stalled",
    cause_text: alert?.cause_text,
    summary: alert?.summary,
    started_at: new Date(since).toISOString(),
    fired_at: alert?.fired_at,
    resolved_at: null,
    acked_by: null,
    silenced_until: null,
    inhibited_by: null,
    links: {
      dashboard: `http://127.0.0.1:8090/incidents/${alert?.id}`,
      trace: "http://127.0.0.1:8090/traces/4bf92f3577b34da6a3ce929d0e0e4736",
      runbook: "http://127.0.0.1:8090/runbooks/telegram-bot-disconnected",
    },
    trace_ids: ["4bf92f3577b34da6a3ce929d0e0e4736"],
  });
  assert.match(alert?.id ?? "", /^[2-9A-Z]{4}$/);
  assert.match(alert?.summary ?? "", /^shopbot: disconnected from Telegram\. No getUpdates has returned for \d min/);
  await rig.run(5 * MINUTE, () => fine(rig));
  assert.equal(rig.engine.alerts("firing").length, 0);
  assert.equal(rig.engine.alerts("resolved")[0]?.state, "resolved");
  assert.equal(rig.engine.alerts("all").length, 1);
});

test("ack, silence and undo act on an open incident and show; a closed or unknown one is refused", async () => {
  const rig = createRig({ channels: [memoryChannel("telegram")] });
  await rig.run(2 * MINUTE, whisper(rig, true));
  const id = rig.engine.alerts("firing")[0]?.id ?? "";
  assert.equal(rig.engine.ack(id.toLowerCase(), "@ada")?.acked_by, "@ada");
  assert.equal(
    rig.engine.silence(`#${id}`, HOUR, "@ada")?.silenced_until,
    new Date(rig.clock.wallMs() + HOUR).toISOString(),
  );
  const undone = rig.engine.undo(id);
  assert.deepEqual([undone?.acked_by, undone?.silenced_until], [null, null]);
  assert.equal(
    rig.engine.silence(id, 1e12, "@ada")?.silenced_until,
    new Date(rig.clock.wallMs() + 7 * 24 * HOUR).toISOString(),
  );
  assert.equal(rig.engine.ack("ZZZZ", "@ada"), undefined);
  await rig.run(5 * MINUTE, whisper(rig, false));
  assert.equal(rig.engine.ack(id, "@ada"), undefined);
});

test("a press acts by its nonce and answers what it did", async () => {
  const rig = createRig({ channels: [memoryChannel("telegram")] });
  await rig.run(2 * MINUTE, whisper(rig, true));
  const incident = rig.state.all("incident")[0];
  assert.ok(incident);
  const press = (action: "ack" | "silence" | "undo", nonce = incident.nonce) =>
    rig.engine.press({ action, incident: incident.id, nonce, forMs: HOUR, by: "@ada" });
  assert.equal(press("ack"), `#${incident.id}: acknowledged.`);
  assert.equal(press("ack"), `#${incident.id}: acknowledged.`, "twice is once");
  assert.equal(press("silence"), `#${incident.id}: silenced.`);
  assert.equal(press("undo"), `#${incident.id} speaks again.`);
  assert.equal(press("ack", "XXXX"), "Unknown incident.");
  await rig.run(5 * MINUTE, whisper(rig, false));
  assert.equal(press("ack"), `#${incident.id} is over.`);
});

test("a bot that gets its name only after it was read keeps its incidents", async () => {
  const channel = memoryChannel("telegram");
  const rig = createRig({ channels: [channel] });
  rig.engine.watch(["bot"]);
  const as = (target: string, fails: boolean): Sample[] => [
    {
      ...(fails ? down(rig) : healthSample(rig.at(), health(rig.at()))),
      target,
      probe: "health",
    },
  ];
  await rig.run(4 * MINUTE, () => as("bot", true));
  assert.deepEqual(kinds(channel), ["firing TelegramBotDown"]);
  assert.equal(rig.engine.alerts("firing")[0]?.target, "bot");
  await rig.run(5 * MINUTE, () => as("shopbot", false));
  assert.deepEqual(kinds(channel), ["firing TelegramBotDown", "resolved TelegramBotDown"]);
  assert.deepEqual(
    [
      ...new Set(
        rig.engine
          .standings()
          .filter(({ rule }) => rule === "TelegramBotDown")
          .map(({ target }) => target),
      ),
    ],
    ["shopbot"],
  );
});
const down = (rig: Rig): Sample => ({
  kind: "health",
  probe: "health",
  target: "bot",
  ...rig.at(),
  result: { ok: false, failure: { phase: "tcp", code: "ECONNREFUSED", message: "" } },
});

test("a rule without readings stands as no data", async () => {
  const rig = createRig({ channels: [memoryChannel("telegram")] });
  rig.engine.watch(["shopbot"]);
  await rig.run(3 * MINUTE, () => []);
  const standing = rig.engine.standings().find(({ rule }) => rule === "TelegramBotDisconnected");
  assert.equal(standing?.state, "ok");
  assert.ok((standing?.noDataForMs ?? 0) > 2 * MINUTE);
});

test("what the telemetry knows of an alert is in its message seconds later, not at the next checkpoint", async (t) => {
  let traceId: string | undefined;
  const evidence = { lastFailingTrace: () => traceId, topErrors: () => [] };
  const { rig, texts } = await line(t, { evidence });
  const failing = (): Sample[] => [
    healthSample(rig.at(), health(rig.at(), { errors: { total: 11, last_at: null, by_reason: { handler: 11 } } })),
  ];
  await rig.run(20 * SECOND, () => fine(rig), SECOND);
  await rig.run(SECOND, failing, SECOND);
  assert.match(texts().at(-1) ?? "", /too many errors/);
  traceId = "4bf92f3577b34da6a3ce929d0e0e4736"; // the exporter and the Collector took a second each
  await rig.run(2 * SECOND, failing, SECOND);
  assert.match(texts().at(-1) ?? "", /traces\/4bf92f35/);
});

test("errors of before are not the reason while those that made the alert are on their way", async (t) => {
  const group = (fingerprint: string, count: number) => ({ fingerprint, count, isNew: true, traceId: null });
  let groups = [group("ECONNREFUSED", 2)];
  const { rig, texts } = await line(t, { evidence: { lastFailingTrace: () => undefined, topErrors: () => groups } });
  const failing = (): Sample[] => [
    healthSample(rig.at(), health(rig.at(), { errors: { total: 13, last_at: null, by_reason: { handler: 13 } } })),
  ];
  await rig.run(20 * SECOND, () => fine(rig), SECOND);
  await rig.run(SECOND, failing, SECOND);
  assert.match(texts().at(-1) ?? "", /13 errors/);
  assert.doesNotMatch(texts().at(-1) ?? "", /ECONNREFUSED/);
  groups = [group("boom", 11), group("ECONNREFUSED", 2)];
  await rig.run(2 * SECOND, failing, SECOND);
  assert.match(texts().at(-1) ?? "", /11 × boom/);
});

test("what the telemetry has is told when the rest does not come", async (t) => {
  const topErrors = () => [{ fingerprint: "boom", count: 2, isNew: true, traceId: null }];
  const { rig, texts } = await line(t, { evidence: { lastFailingTrace: () => undefined, topErrors } });
  const failing = (): Sample[] => [
    healthSample(rig.at(), health(rig.at(), { errors: { total: 13, last_at: null, by_reason: { handler: 13 } } })),
  ];
  await rig.run(20 * SECOND, () => fine(rig), SECOND);
  await rig.run(30 * SECOND, failing, SECOND);
  assert.match(texts().at(-1) ?? "", /2 × boom/);
});

test("a bot that logged its stop has the time of a deploy, also where its /health was not read in that moment", async () => {
  const firedAfter = async (said: boolean) => {
    const channel = memoryChannel("telegram");
    const saidStopped = () => said;
    const rig = createRig({
      channels: [channel],
      evidence: { lastFailingTrace: () => undefined, topErrors: () => [], saidStopped },
    });
    await rig.run(MINUTE, () => fine(rig));
    const goneAt = rig.clock.wallMs();
    while (channel.got.length === 0) await rig.run(5 * SECOND, () => [unreachable(rig.at())]);
    return rig.clock.wallMs() - goneAt;
  };
  assert.ok((await firedAfter(false)) < 3 * MINUTE);
  assert.ok((await firedAfter(true)) >= 5 * MINUTE);
});

test("a store that breaks makes the text shorter and nothing else", async () => {
  const channel = memoryChannel("telegram");
  const broken = () => {
    throw new Error("database is locked");
  };
  const rig = createRig({ channels: [channel], evidence: { lastFailingTrace: broken, topErrors: broken } });
  await rig.run(MINUTE, () => fine(rig));
  const since = rig.clock.wallMs();
  await rig.run(6 * MINUTE, () => deaf(rig, since));
  assert.deepEqual(kinds(channel), ["firing TelegramBotDisconnected"]);
});

/** A channel that answers as the test says. */
function answering(answers: ((edit: boolean) => Answer)[]): Channel & { sent: string[] } {
  const sent: string[] = [];
  const ok: Answer = { answered: true, status: 200, text: '{"ok":true,"result":{"message_id":5}}', retryAfter: null };
  return {
    name: "telegram",
    sent,
    dialect: "telegram",
    edits: true,
    digests: true,
    pace: { everyMs: 1000, perMinute: 20 },
    async send(message, route) {
      sent.push(
        `${message.edit === null ? "send" : "edit"} ${message.kind}${route.withoutThread ? " without thread" : ""}`,
      );
      return answers.shift()?.(message.edit !== null) ?? ok;
    },
    close: async () => {},
  };
}
const refusal = (status: number, description: string) => (): Answer => ({
  answered: true,
  status,
  text: JSON.stringify({ ok: false, error_code: status, description }),
  retryAfter: null,
});

test("a closed topic is left for General, with a warning that stays", async (t) => {
  const channel = answering([refusal(400, "Bad Request: TOPIC_CLOSED")]);
  const rig = createRig({ dir: temporaryDir(t), channels: [channel] });
  await rig.run(3 * MINUTE, whisper(rig, true));
  assert.deepEqual(channel.sent, ["send firing", "send firing without thread"]);
  assert.match(rig.state.get("channel", "telegram")?.warning ?? "", /set ALERT_THREAD_ID/);
  rig.close();
});

test("where the firing message is gone what it should show comes as a new one", async () => {
  const channel = answering([]);
  const rig = createRig({ channels: [channel] });
  await rig.run(2 * MINUTE, whisper(rig, true));
  channel.send = answering([refusal(400, "Bad Request: message to edit not found")]).send;
  rig.engine.ack(rig.engine.alerts("firing")[0]?.id ?? "", "@ada");
  await rig.run(MINUTE, whisper(rig, true));
  const edits = rig.rows().filter(({ kind }) => kind === "edit");
  assert.deepEqual(
    edits.map(({ state, attempts }) => `${state} ${attempts}`),
    ["sent 2"],
  );
});

test("what is refused in both forms is parked and tried every 15 minutes", async () => {
  const channel = answering(Array.from({ length: 4 }, () => refusal(400, "Bad Request: no")));
  const rig = createRig({ channels: [channel] });
  await rig.run(2 * MINUTE, whisper(rig, true));
  assert.equal(rig.rows()[0]?.state, "parked");
  assert.equal(channel.sent.length, 2);
  await rig.run(14 * MINUTE, whisper(rig, true));
  assert.equal(channel.sent.length, 2);
  await rig.run(2 * MINUTE, whisper(rig, true));
  assert.equal(channel.sent.length, 3);
});

test("what nobody took for seven days expires", async () => {
  const channel = answering([]);
  channel.send = async () => ({ answered: false, code: "ECONNREFUSED", written: false });
  const rig = createRig({ channels: [channel] });
  await rig.run(2 * MINUTE, whisper(rig, true));
  await rig.run(3 * MINUTE, whisper(rig, false));
  await rig.run(8 * 24 * HOUR, () => [], 15 * SECOND);
  assert.deepEqual(
    rig.rows().map(({ state }) => state),
    ["collapsed", "expired"],
  );
});

test("what the configuration no longer names is closed and told so", async (t) => {
  const dir = temporaryDir(t);
  const channel = memoryChannel("telegram");
  const first = createRig({ dir, channels: [channel] });
  await first.run(2 * MINUTE, whisper(first, true));
  first.close();
  const second = createRig({ dir, clock: first.clock, channels: [channel] });
  await second.run(9 * MINUTE, () => fine(second));
  assert.deepEqual(kinds(channel), ["firing DependencyUnhealthy"]);
  await second.run(2 * MINUTE, () => fine(second));
  assert.deepEqual(kinds(channel), ["firing DependencyUnhealthy", "resolved DependencyUnhealthy"]);
  assert.match(channel.got.at(-1)?.title ?? "", /no longer watched$/);
  assert.equal(second.engine.alerts("firing").length, 0);
  second.close();
});

test("what was turned off since it fired is closed: backups, the bot's token, a token for alerts", async (t) => {
  const dir = temporaryDir(t);
  const channel = memoryChannel("telegram");
  const first = createRig({ dir, channels: [channel] });
  const backup = { last_verified_at: new Date(first.clock.wallMs() - 27 * HOUR).toISOString(), last_error: null };
  const refused = { ok: false as const, status: 401, errorCode: 401, description: "Unauthorized" };
  await first.run(MINUTE, () => [
    healthSample(first.at(), health(first.at(), { backup })),
    { ...telegramSample(first.at()), getMe: refused, expectedId: 1 } as Sample,
  ]);
  const parked = { class: "token" as const, description: "Unauthorized", sinceWallMs: 0, probeAtMs: 0 };
  const status = { ...noStatus("telegram"), parked };
  first.state.commit([{ table: "channel", key: "telegram", value: status }]);
  first.engine.tick();
  const open = (rig: Rig) => rig.engine.alerts("firing").map(({ rule, target }) => `${rule} ${target}`);
  assert.deepEqual(open(first).toSorted(), [
    "BackupStale shopbot",
    "TelegramTokenInvalid alert bot",
    "TelegramTokenInvalid shopbot",
  ]);
  first.close();
  const second = createRig({ dir, clock: first.clock, channels: [channel], sharedToken: true });
  const { getMe: _, expectedId: __, ...without } = telegramSample(second.at()) as Extract<Sample, { kind: "telegram" }>;
  await second.run(11 * MINUTE, () => [
    healthSample(second.at(), health(second.at(), { backup: null })),
    { ...without, ...second.at() },
  ]);
  assert.deepEqual(open(second), []);
  second.close();
});

test("a receiver that forgets is told again what fires", async () => {
  const refreshed: string[][] = [];
  const channel: Channel = {
    ...memoryChannel("alertmanager"),
    refresh: async (firing) => void refreshed.push(firing.map(({ rule }) => rule)),
  };
  const rig = createRig({ channels: [channel] });
  await rig.run(3 * MINUTE, whisper(rig, true));
  assert.deepEqual(refreshed.at(-1), ["DependencyUnhealthy"]);
  await rig.run(5 * MINUTE, whisper(rig, false));
  assert.deepEqual(refreshed.at(-1), []);
});

test("a channel that hangs does not hold up another", async () => {
  let release = () => {};
  const hanging: Channel = {
    ...memoryChannel("telegram"),
    send: () =>
      new Promise((resolve) => (release = () => resolve({ answered: false, code: "TimeoutError", written: true }))),
  };
  const second = memoryChannel("webhook");
  const rig = createRig({ channels: [hanging, second], always: ["webhook"] });
  for (let step = 0; step < 24; step++) {
    rig.clock.advance(5000);
    rig.observe(...whisper(rig, true)());
    rig.engine.tick();
  }
  const pumped = rig.sender.pump();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(second.got.length, 1);
  release();
  await pumped;
});

test("the sender's own loop sends what is queued when it is woken, and ends", async (t) => {
  const { rig, telegram, texts } = await line(t);
  await rig.run(MINUTE, whisper(rig, false));
  rig.sender.start();
  for (let step = 0; step < 14; step++) {
    rig.clock.advance(5000);
    rig.observe(...whisper(rig, true)());
    rig.engine.tick();
  }
  await telegram.called("sendMessage");
  await rig.sender.close();
  assert.equal(texts().length, 1);
});

test("a reading that breaks its rule is logged once and silences no other", async () => {
  const channel = memoryChannel("telegram");
  const rig = createRig({ channels: [channel] });
  const odd = (): Sample[] => {
    const body = health(rig.at());
    return [healthSample(rig.at(), { ...body, memory: null, checks: null } as never), ...whisper(rig, true)()];
  };
  await rig.run(3 * MINUTE, odd);
  assert.deepEqual(kinds(channel), ["firing DependencyUnhealthy"]);
  assert.equal(rig.warnings.length, 1);
});

test("a token in what a bot says of its error reaches neither chat nor API", async () => {
  const channel = memoryChannel("telegram");
  const rig = createRig({ channels: [channel] });
  const token = `4242424242:${"AbC-_1".repeat(6).slice(0, 35)}`;
  const since = rig.clock.wallMs();
  const leaking = (): Sample[] => {
    const telegram = {
      seconds_since_success: (rig.clock.wallMs() - since) / 1000,
      in_flight_since: null,
      last_error: {
        at: new Date(since).toISOString(),
        reason: "reset",
        code: null,
        description: `/bot${token}/getUpdates`,
      },
    };
    return [
      healthSample(rig.at(), health(rig.at(), { telegram, checks: { whisper: { ok: false, error: `at ${token}` } } })),
    ];
  };
  await rig.run(10 * MINUTE, leaking);
  assert.deepEqual(kinds(channel).sort(), ["firing DependencyUnhealthy", "firing TelegramBotDisconnected"]);
  const said = JSON.stringify([channel.got, rig.engine.alerts("all"), rig.state.all("incident")]);
  assert.ok(!said.includes(token.slice(11)));
  assert.match(said, /\[token\]/);
});

test("slow answers name what takes the time, with its trace, where the store has traces", async (t) => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const slowest = () => ({ kind: "dependency", name: "POST whisper:9000", share: 0.83, traceId }) as const;
  const { rig, texts } = await line(t, {
    evidence: { lastFailingTrace: () => undefined, topErrors: () => [], slowest },
  });
  const slow = (): Sample[] => [
    ...fine(rig),
    {
      kind: "handling",
      probe: "handling",
      target: "shopbot",
      ...rig.at(),
      result: { ok: true, p95Seconds: 4, updates: 30 },
    },
  ];
  await rig.run(6 * MINUTE, slow);
  assert.equal(texts().length, 1);
  assert.match(
    texts()[0] ?? "",
    /Cause: a dependency: POST whisper:9000 takes 83 % of the time of the slowest updates\.[^]*4bf92f35/,
  );
});
