import assert from "node:assert/strict";
import { test } from "node:test";
import { inhibition, type Inhibitor } from "./inhibit.ts";
import { incidentOf } from "./testing-records.ts";

const by = (rule: string, target = "shopbot", more: Partial<Inhibitor> = {}): Inhibitor => ({
  rule,
  target,
  cause: null,
  incident: "PARENT",
  ...more,
});
const errors = (fingerprint: string) => [{ fingerprint, count: 1, isNew: false, traceId: null }];

const CASES: [string, Parameters<typeof incidentOf>[0], Inhibitor, boolean][] = [
  ["no network explains a disconnect", {}, by("HostOffline", "host"), true],
  [
    "no network explains a remote dependency",
    { rule: "DependencyUnhealthy", target: "whisper" },
    by("HostOffline", "host"),
    true,
  ],
  [
    "no network does not explain a dependency that is reached without it",
    { rule: "DependencyUnhealthy", target: "whisper", facts: { nearby: true } },
    by("HostOffline", "host"),
    false,
  ],
  [
    "no network does not explain a database",
    { rule: "DependencyUnhealthy", target: "shopbot/sqlite" },
    by("HostOffline", "host"),
    false,
  ],
  [
    "no network does not explain a full disk",
    { rule: "DiskSpaceLow", target: "/data" },
    by("HostOffline", "host"),
    false,
  ],
  [
    "a dead bot explains its checks",
    { rule: "DependencyUnhealthy", target: "shopbot/sqlite" },
    by("TelegramBotDown"),
    true,
  ],
  ["a dead bot explains its restarts", { rule: "BotRestarting" }, by("TelegramBotDown"), true],
  ["a dead bot explains nothing of another", { target: "newsbot" }, by("TelegramBotDown"), false],
  ["a refused token explains a disconnect", {}, by("TelegramTokenInvalid"), true],
  [
    "a webhook explains a conflict",
    { rule: "TelegramPollingConflict" },
    by("TelegramWebhookMisconfigured", "shopbot", { cause: "webhook_set" }),
    true,
  ],
  [
    "a short list of types explains no conflict",
    { rule: "TelegramPollingConflict" },
    by("TelegramWebhookMisconfigured", "shopbot", { cause: "allowed_updates" }),
    false,
  ],
  ["a conflict explains a disconnect", {}, by("TelegramPollingConflict"), true],
  ["a disconnect explains errors", { rule: "TelegramBotErrorsHigh" }, by("TelegramBotDisconnected"), true],
  [
    "a dependency explains errors that name it",
    { rule: "TelegramBotErrorsHigh", errors: errors("FetchError whisper refused") },
    by("DependencyUnhealthy", "whisper"),
    true,
  ],
  [
    "a dependency does not explain other errors",
    { rule: "TelegramBotErrorsHigh", errors: errors("TypeError at pay") },
    by("DependencyUnhealthy", "whisper"),
    false,
  ],
  ["a dependency explains slow answers", { rule: "SlowResponses" }, by("DependencyUnhealthy", "whisper"), true],
  [
    "another bot's check explains no slow answers",
    { rule: "SlowResponses" },
    by("DependencyUnhealthy", "newsbot/whisper"),
    false,
  ],
  ["a low disk explains that it fills", { rule: "DiskFillingUp", target: "/data" }, by("DiskSpaceLow", "/data"), true],
  ["another disk does not", { rule: "DiskFillingUp", target: "/data" }, by("DiskSpaceLow", "/logs"), false],
];
for (const [title, incident, inhibitor, explained] of CASES)
  test(title, () => {
    assert.deepEqual(inhibition(incidentOf(incident), [inhibitor]), {
      inhibitedBy: explained ? "PARENT" : null,
      held: false,
    });
  });

test("what is only suspected holds the message back", () => {
  const held = inhibition(incidentOf({ rule: "TelegramBotErrorsHigh" }), [
    by("TelegramBotDisconnected", "shopbot", { incident: null }),
  ]);
  assert.deepEqual(held, { inhibitedBy: null, held: true });
});

test("a webhook that may be set holds the conflict that it would explain", () => {
  const suspected = by("TelegramWebhookMisconfigured", "shopbot", { incident: null });
  assert.deepEqual(inhibition(incidentOf({ rule: "TelegramPollingConflict" }), [suspected]), {
    inhibitedBy: null,
    held: true,
  });
});

test("an open incident explains before a suspicion holds", () => {
  const verdict = inhibition(incidentOf({}), [by("HostOffline", "host", { incident: null }), by("TelegramBotDown")]);
  assert.deepEqual(verdict, { inhibitedBy: "PARENT", held: false });
});
