import type { DatabaseSync } from "node:sqlite";
import { randomBytes } from "node:crypto";
import {
  addSecret,
  attributes,
  createBotHealth,
  createTransport,
  newCorrelationId,
  observeSql,
  runJob,
  shortReference,
  updateTypeOf,
  type BotHealthState,
  type Log,
  type Telemetry,
} from "@gramwatch/otel";
import { createDatabaseCheck, createDependencyCheck } from "./checks.ts";
import type { Clock } from "./clock.ts";
import type { BotConfig } from "./config.ts";
import { createDispatcher } from "./dispatcher.ts";
import { isHarmless } from "./handling.ts";
import { createFeed } from "./inbox/feed.ts";
import { createInbox } from "./inbox/inbox.ts";
import { createBackups, maintain } from "./maintenance.ts";
import { createDelivery } from "./outbound/deliver.ts";
import { createOutbound } from "./outbound/outbound.ts";
import { createSay, type Address } from "./outbound/say.ts";
import type { ObservedCall } from "./storage/database.ts";
import { createMeta, createRunMark } from "./storage/meta.ts";
import { createMoveChat } from "./storage/move-chat.ts";
import { supervise } from "./supervise.ts";
import { botIdOf, createIdentity } from "./telegram/identity.ts";
import { createClient, pollingApi } from "./telegram/client.ts";
import { updateMenu } from "./telegram/menu.ts";
import { createPolling } from "./telegram/polling.ts";
import { worthKeeping } from "./telegram/resend.ts";
import { createTranscriber } from "./transcribe.ts";
import { createHandlers } from "./handlers/handlers.ts";
import { rich } from "./html.ts";
import { createStorageTrouble } from "./storage/trouble.ts";

export interface AppDeps {
  config: BotConfig;
  db: DatabaseSync;
  telemetry: Telemetry;
  log: Log;
  clock: Clock;
  random: () => number;
  /** Deadlines of Bot API calls by method, in place of the transport's own. */
  deadlinesMs?: Record<string, number>;
}

export interface App {
  health: BotHealthState;
  /** Works until `signal` aborts and the drain is over. `refused`: development, and the token never worked. */
  run: (signal: AbortSignal) => Promise<"stopped" | "refused">;
  /** Marks a clean stop: the last thing before the database is closed. */
  stopped: () => void;
}

/**
 * Wires the bot: poll → inbox → handlers → replies. Whoever reads this file knows which part knows which.
 * @throws SQLite's error when the database takes no write
 */
export function createApp({ config, db, telemetry, log, clock, random, deadlinesMs = {} }: AppDeps): App {
  if (config.sidecar.token !== undefined) addSecret(config.sidecar.token);
  const botId = botIdOf(config.token);
  const meta = createMeta(db);
  const runMark = createRunMark(meta);
  const databaseCheck = createDatabaseCheck(db);
  const inbox = createInbox(db, { botId, now: clock.now, newCorrelationId });
  const observed: ObservedCall = (operation, table, call) => observeSql(telemetry, { operation, table }, call);
  const outbound = createOutbound(db, clock.now, observed);
  const moveChat = createMoveChat(db);
  const backups = createBackups(db, { ...config.backup, clock, log });
  const health = createBotHealth({
    telemetry,
    now: clock.now,
    monotonic: clock.monotonicMs,
    inboxPending: inbox.pending,
    backup: backups.state,
  });
  health.observe(telemetry.meter);
  telemetry.sendZeros();
  health.addCheck("sqlite", databaseCheck.result, { critical: true });

  const trouble = createStorageTrouble({ check: databaseCheck, health, log });
  const transport = createTransport({ token: config.token, apiRoot: config.apiRoot, deadlinesMs });
  const bot = createClient({ transport, telemetry, health, clock, random });

  const send = ({ chatId, threadId }: Address, text: string, signal?: AbortSignal) =>
    bot.api.sendMessage(
      chatId,
      text,
      {
        parse_mode: "HTML",
        link_preview_options: { is_disabled: true },
        ...(threadId !== undefined && { message_thread_id: threadId }),
      },
      signal as never,
    );
  const delivery = createDelivery({
    outbound,
    send: (message, signal) =>
      runJob(telemetry, { name: message.kind, correlationId: message.correlationId }, () =>
        send(message, message.text, signal),
      ),
    worthKeeping,
    gaveUp(message, reason, error) {
      if (!isHarmless(error)) health.countError("reply");
      log.warn(
        { reason, [attributes.correlationId]: message.correlationId, err: error },
        "a late message was given up",
      );
    },
    chatMoved: moveChat,
    storageFailed: trouble.failed,
    clock,
    random,
  });
  const say = createSay({ send, outbound, worthKeeping, kept: delivery.wake, now: clock.now });

  const transcriber = config.transcribeUrl === undefined ? undefined : createTranscriber({ url: config.transcribeUrl });
  const whisper = transcriber && createDependencyCheck(transcriber.check, { clock, log, name: "whisper" });
  if (whisper) health.addCheck("whisper", whisper.result);

  const drained = new AbortController();
  const handlers = createHandlers({
    config,
    db,
    observed,
    outbound,
    wake: delivery.wake,
    moveChat,
    transcriber,
    transport,
    health,
    clock,
    log,
  });
  const handle = createDispatcher({
    bot,
    routes: handlers.routes,
    say,
    config,
    telemetry,
    health,
    log,
    clock,
    drained: drained.signal,
    userHashKey: keyOf(meta),
    storageFailed: databaseCheck.failed,
  });
  const feed = createFeed({ inbox, handle, storageFailed: trouble.failed, wait: clock.wait });

  // Handlers need the bot's own name to tell /start@me from /start@other.
  const known = Promise.withResolvers<void>();
  const identity = createIdentity(meta, botId);
  const polling = createPolling(
    {
      api: pollingApi(bot),
      inbox,
      identity: { load: () => identity.load(), save: (me) => trouble.tolerate(() => identity.save(me)) },
      health,
      clock,
      random,
      log,
      storageFailed: trouble.failed,
      identified(me) {
        bot.botInfo = me;
        health.identify(me.username);
        updateMenu(handlers.menu, meta, botId, (menu) => bot.api.setMyCommands(menu)).catch((error: unknown) =>
          log.warn({ err: error }, "the menu of commands was not updated"),
        );
        known.resolve();
      },
      received(fresh, duplicates) {
        for (const update of fresh) health.update.received(updateTypeOf(update));
        for (let n = 0; n < duplicates; n++) health.update.duplicate();
        if (fresh.length > 0) {
          trouble.over();
          feed.wake();
        }
      },
    },
    { endWhenRefused: !config.production },
  );

  takeUpWork();

  return {
    health,
    stopped: () => runMark.stopped(),

    async run(signal) {
      const stop = new AbortController();
      const until = AbortSignal.any([signal, stop.signal]);
      const supervised = { log, clock, failed: () => health.countError("handler") };
      const delivering = supervise("delivery", () => delivery.run(until, drained.signal), until, supervised);
      const loops = [
        supervise("feed", () => feedWhenKnown(until), until, supervised),
        supervise(
          "maintenance",
          () => maintain({ inbox, backups, check: databaseCheck, trouble, meta, clock, log }, until),
          until,
          supervised,
        ),
        ...(whisper ? [supervise("dependency", () => whisper.run(until), until, supervised)] : []),
      ];
      const ending = await supervise("polling", () => polling.run(until), until, supervised);
      health.stop();
      if (ending === "stopped") health.poll.stopped();
      stop.abort();
      await drain(delivering);
      await Promise.all(loops);
      await transport.close();
      return ending ?? "stopped";
    },
  };

  /** What the last process left behind. */
  function takeUpWork(): void {
    if (runMark.crashed) health.countError("crash");
    const updates = inbox.recover(!runMark.crashed);
    if (updates > 0) log.warn({ updates }, "updates that were in work when the last process ended come again");
    for (const { update, correlationId } of inbox.bury()) {
      health.countError("lost");
      log.error(
        { [attributes.updateId]: update.update_id, [attributes.correlationId]: correlationId },
        "an update ended the process three times and is put aside",
      );
      const asked = update.message ?? update.callback_query?.message;
      if (asked === undefined) continue;
      const threadId = "is_topic_message" in asked && asked.is_topic_message ? asked.message_thread_id : undefined;
      const text = rich`Sorry, I could not handle your last message. If you ask about it, mention <code>${shortReference(correlationId)}</code>.`;
      outbound.put({
        kind: "reply",
        chatId: asked.chat.id,
        threadId,
        text: text.html,
        dueAt: clock.now(),
        correlationId,
      });
    }
  }

  async function feedWhenKnown(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => known.resolve(), { once: true });
    await known.promise;
    if (!signal.aborted) await feed.run(signal);
  }

  async function drain(delivering: Promise<unknown>): Promise<void> {
    const { shutdownTimeoutMs } = config;
    const over = new AbortController();
    const deadlineMs = Math.max(shutdownTimeoutMs - 5000, shutdownTimeoutMs / 2);
    await Promise.race([Promise.all([feed.idle(), delivering]), clock.wait(deadlineMs, over.signal)]);
    over.abort();
    const cut = health.inFlight();
    if (cut > 0) log.warn({ updates: cut }, "not handled within SHUTDOWN_TIMEOUT; the next process replays them");
    drained.abort();
    await Promise.all([feed.idle(), delivering]);
  }
}

/** Key of `user.hash`: made at the first start, never exported; deleting it makes old telemetry anonymous. */
function keyOf(meta: ReturnType<typeof createMeta>): Uint8Array {
  const stored = meta.get("user_hash_key");
  if (stored !== undefined) return Buffer.from(stored, "hex");
  const key = randomBytes(32);
  meta.set("user_hash_key", key.toString("hex"));
  return key;
}
