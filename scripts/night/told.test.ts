import assert from "node:assert/strict";
import { test } from "node:test";
import { readHook, readMessage } from "./told.ts";

const firing = `🟠 bot: too many errors
11 errors in 1 min (limit 10).
Since 16:45:09 UTC
12 × Error: boom (new)
↻ may repeat #S3RB
Trace 4bf92f35: http://127.0.0.1:8090/traces/4bf92f3577b34da6a3ce929d0e0e4736
#S3RB · msg 1 · web-1`;

test("a firing is read with its cause, its trace and its mark", () => {
  assert.deepEqual(readMessage(firing, 5), [
    {
      atMs: 5,
      channel: "telegram",
      incident: "S3RB",
      what: "firing",
      title: "bot: too many errors",
      cause: "12 × Error: boom (new)",
      marked: true,
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    },
  ]);
});

test("a message says whether it is a reminder, worse, over, or was missed", () => {
  const whatOf = (text: string) => readMessage(text, 0)[0]?.what;
  assert.equal(whatOf(firing.replace("msg 1", "msg 2")), "repeat");
  assert.equal(whatOf(firing.replace("Since", "More severe than before: critical.\nSince")), "worse");
  assert.equal(whatOf(firing.replace("🟠", "✅").replace("msg 1", "closed")), "resolved");
  assert.equal(whatOf(firing.replace("msg 1", "closed")), "missed");
});

test("a digest tells of several incidents, each with its own cause and mark", () => {
  const digest = `3 alerts: 2 firing, 1 over
🔴 bot: its polls are taken by another, since 16:51:57 UTC (4 s) #EBVT · another process polls with this token
🟠 whisper: unhealthy, since 16:51:58 UTC (2 s) #6XJV · The check fails (status 503); seen by sidecar
🟠 bot: was disconnected from Telegram, over now, since 16:50:00 UTC (9 s) #U6DR · Telegram is not reachable from here
↻ may repeat #6XJV`;
  assert.deepEqual(
    readMessage(digest, 0).map(({ incident, what, title, cause, marked }) => [incident, what, title, cause, marked]),
    [
      ["EBVT", "firing", "bot: its polls are taken by another", "another process polls with this token", false],
      ["6XJV", "firing", "whisper: unhealthy", "The check fails (status 503); seen by sidecar", true],
      ["U6DR", "missed", "bot: was disconnected from Telegram, over now", "Telegram is not reachable from here", false],
    ],
  );
});

test("a webhook's body is read by its labels", () => {
  const [told] = readHook(
    {
      status: "resolved",
      alerts: [
        {
          fingerprint: "2M2Z",
          labels: { cause: "telegram_unreachable" },
          annotations: { summary: "bot: connected again", description: "…" },
        },
      ],
    },
    9,
  );
  assert.deepEqual(told, {
    atMs: 9,
    channel: "webhook",
    incident: "2M2Z",
    what: "resolved",
    title: "bot: connected again",
    cause: "telegram_unreachable",
    marked: false,
  });
});
