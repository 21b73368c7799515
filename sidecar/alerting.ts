import { hostname } from "node:os";
import type { Log, Telemetry } from "@gramwatch/otel";
import { createEngine, type Evidence } from "./alerts/engine.ts";
import { createThresholds } from "./alerts/thresholds.ts";
import { createAlertmanagerChannel } from "./channels/alertmanager.ts";
import { pollButtons } from "./channels/buttons.ts";
import type { Channel, Message } from "./channels/channel.ts";
import { createLogChannel } from "./channels/log.ts";
import { createNtfyChannel } from "./channels/ntfy.ts";
import { createTelegramChannel } from "./channels/telegram.ts";
import { createWebhookChannel } from "./channels/webhook.ts";
import type { SidecarConfig } from "./config.ts";
import { createDeliveries } from "./deliveries.ts";
import { classify } from "./outbox/classify.ts";
import { createSender } from "./outbox/deliver.ts";
import { noStatus } from "./outbox/ledger.ts";
import type { State } from "./state/state.ts";
import { createSteadyClock, type SteadyMark } from "./state/steady.ts";
import { logAlert } from "./telemetry.ts";

const TEST_TIMEOUT_MS = 10_000;

interface Deps {
  state: State;
  evidence: Evidence;
  telemetry: Pick<Telemetry, "tracer">;
  log: Log;
}

export type Alerting = ReturnType<typeof createAlerting>;

/** The deciding and telling half: samples → engine → outbox → channels. `consoleUrl` is asked for at each message. */
export function createAlerting(config: SidecarConfig, tickMs: number, { state, evidence, telemetry, log }: Deps) {
  const clock = createSteadyClock(
    { monotonicMs: () => performance.now(), wallMs: () => Date.now() },
    Math.max(5000, 3 * tickMs),
    state.get("memory", "clock") as SteadyMark | undefined,
  );
  const channels = createChannels(config, log);
  const deliveries = createDeliveries(state, channels, clock, telemetry.tracer);
  const links = { grafanaUrl: config.grafanaUrl, consoleUrl: config.console.url, runbookUrl: config.runbookUrl };
  const engine = createEngine(
    {
      state,
      clock,
      log,
      random: Math.random,
      evidence,
      wake: () => sender.wake(),
      onTransition: (incident) => logAlert(log, incident),
    },
    {
      thresholds: createThresholds(config.disconnectedAfterMs, config.errors, config.rules),
      channels: channels.map(({ name, edits }) => ({
        name,
        edits,
        primary: name === "telegram",
        always: config.channels.some(({ type, always }) => type === name && always),
      })),
      escalateAfterMs: config.escalateAfterMs,
      tokenChannel: config.alertChat?.shared === false ? "telegram" : undefined,
      render: {
        links,
        environment: config.environment,
        host: hostname(),
        displayTimeZone: config.displayTimeZone,
        actions: config.admins.length > 0,
      },
    },
  );
  const sender = createSender({
    state,
    clock,
    channels,
    compose: engine.compose,
    firing: engine.firing,
    log,
    random: Math.random,
    onAttempt: deliveries.onAttempt,
    onRow: deliveries.onRow,
  });

  const { alertChat, admins } = config;
  return {
    engine,
    sender,
    deliveries,
    /** Reads the presses of alert buttons until `signal`. With a shared token the bot gets them and forwards them. */
    async readButtons(signal: AbortSignal): Promise<void> {
      if (alertChat === undefined || alertChat.shared || admins.length === 0) return;
      const chatId = () => state.get("channel", "telegram")?.movedTo ?? alertChat.chatId;
      await pollButtons({ ...alertChat, chatId, admins, log, act: engine.press }, signal);
    },
    /** The console's own address, once it listens; CONSOLE_URL wins. */
    consoleAt(url: string): void {
      links.consoleUrl ??= url;
    },
    /** One message through every channel, now: "sent", or the other side's own words. */
    testAlert: () => Promise.all(channels.map((channel) => sendTest(channel, state))),
  };
}

function createChannels({ alertChat, channels }: SidecarConfig, log: Log): Channel[] {
  const create = {
    webhook: createWebhookChannel,
    ntfy: createNtfyChannel,
    alertmanager: (url: string) => createAlertmanagerChannel(url, Date.now),
  };
  const chosen = [
    ...(alertChat === undefined ? [] : [createTelegramChannel({ ...alertChat, apiRoots: [alertChat.apiRoot] })]),
    ...channels.map(({ type, url }) => create[type](url)),
  ];
  return chosen.length > 0 ? chosen : [createLogChannel(log)];
}

async function sendTest(channel: Channel, state: Pick<State, "get">) {
  const { movedTo, withoutThread } = state.get("channel", channel.name) ?? noStatus(channel.name);
  const route = { movedTo, withoutThread, plain: true };
  const answer = await channel.send(testMessage(Date.now()), route, AbortSignal.timeout(TEST_TIMEOUT_MS));
  const verdict = classify(answer, channel.dialect);
  const ok = verdict.class === "sent";
  return { channel: channel.name, ok, answer: ok ? "sent" : verdict.description };
}

const testMessage = (wallMs: number): Message => ({
  kind: "test",
  incident: null,
  rule: "Test",
  target: "sidecar",
  severity: "warning",
  status: "firing",
  title: "Test alert",
  html: "Test alert of Gramwatch. Nothing is wrong.",
  plain: "Test alert of Gramwatch. Nothing is wrong.",
  silent: false,
  buttons: [],
  replyTo: null,
  edit: null,
  startsWallMs: wallMs,
  endsWallMs: wallMs,
  cause: null,
  links: { dashboard: null, trace: null, runbook: null },
  traceIds: [],
});
