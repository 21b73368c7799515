import type { Logger } from "pino";
import type { Channel, Message } from "../channels/channel.ts";
import type { ChannelStatus, Composed, OutboxRow } from "../state/records.ts";
import type { SteadyClock } from "../state/steady.ts";
import type { State } from "../state/state.ts";
import { nextBatch } from "./batch.ts";
import { classify, type Verdict } from "./classify.ts";
import * as ledger from "./ledger.ts";

export interface SenderDeps {
  state: State;
  clock: SteadyClock;
  channels: Channel[];
  /** What these rows of a channel should say now; nothing to say of `dropped`. */
  compose: (channel: string, rows: OutboxRow[]) => { composed: Composed | undefined; dropped: number[] };
  /** What a channel was told is firing and still is: for channels that forget. */
  firing?: (channel: string) => Message[];
  log: Pick<Logger, "info" | "warn">;
  random: () => number;
  /** One attempt, for spans and counters. */
  onAttempt?(attempt: { channel: string; verdict: Verdict["class"]; durationMs: number; composed: Composed }): void;
  /** A row reached a state that counts: `parked`, `collapsed`, `expired`. */
  onRow?(channel: string, state: "parked" | "collapsed" | "expired"): void;
}

const SEND_TIMEOUT_MS = 10_000;
const LOOK_EVERY_MS = 1000;
const REFRESH_EVERY_MS = 60_000;

/** The only place that sends and retries. Each channel has a loop of its own: one that hangs holds up no other. */
export function createSender(deps: SenderDeps) {
  const { state, clock, channels, compose, log, random } = deps;
  const stop = new AbortController();
  const lanes = channels.map(createLane);
  state.commit(ledger.recovered(state.all("outbox"), clock.now()));

  function createLane(channel: Channel) {
    let lastNewAtMs = Number.NEGATIVE_INFINITY;
    let sentAtMs: number[] = [];
    let refreshedAtMs = Number.NEGATIVE_INFINITY;

    const status = (): ChannelStatus => state.get("channel", channel.name) ?? ledger.noStatus(channel.name);
    const open = () =>
      state.all("outbox").filter((row) => row.channel === channel.name && ledger.OPEN_STATES.has(row.state));

    /** Sends one message if one is due; false: nothing more for now. */
    async function once(): Promise<boolean> {
      const now = clock.now();
      const old = ledger.expired(open(), now);
      if (old.length > 0) state.commit(old);
      const { parked, floodUntilAtMs } = status();
      if ((floodUntilAtMs ?? 0) > now.atMs || tooSoon(now.atMs)) return false;
      if (parked !== null && now.atMs < parked.probeAtMs) {
        const held = ledger.parkedWith(open(), status(), now);
        if (held.length > 0) state.commit(held);
        return false;
      }
      const due = open().filter(({ nextAtMs }) => nextAtMs <= now.atMs);
      const batch = nextBatch(due, { lastNewAtMs, digests: channel.digests }, now.atMs);
      if (batch === undefined) return false;
      const { composed, dropped } = compose(channel.name, batch);
      const gone = batch.filter(({ id }) => dropped.includes(id));
      if (gone.length > 0) state.commit(ledger.collapsed(gone, null, now));
      for (const _ of gone) deps.onRow?.(channel.name, "collapsed");
      if (composed !== undefined) await send(composed);
      return true;
    }

    async function send(composed: Composed): Promise<void> {
      const rowsNow = () => composed.rows.flatMap((id) => state.get("outbox", String(id)) ?? []);
      state.commit(ledger.sending(rowsNow(), composed, clock.now()));
      const before = status();
      const plain = rowsNow().some((row) => row.plain);
      const startedAtMs = clock.now().atMs;
      const route = { movedTo: before.movedTo, withoutThread: before.withoutThread, plain };
      const answer = await channel.send(composed.message, route, AbortSignal.timeout(SEND_TIMEOUT_MS));
      const verdict = classify(answer, channel.dialect);
      const now = clock.now();
      sentAtMs = [...sentAtMs.filter((atMs) => now.atMs - atMs < 60_000), now.atMs];
      const { kind } = composed.message;
      if (verdict.class === "sent" && (kind === "firing" || kind === "missed" || kind === "digest"))
        lastNewAtMs = now.atMs;
      // Only this write is retried if it fails, never the send: the state keeps what it could not save.
      state.commit(ledger.settled(verdict, rowsNow(), composed, before, now, random));
      if (verdict.class === "sent") release(before);
      report(verdict, composed, rowsNow(), now.atMs - startedAtMs);
    }

    /** The channel works again: what was parked behind it goes now. */
    function release(before: ChannelStatus): void {
      if (before.parked === null) return;
      const now = clock.now();
      const waiting = open().filter((row) => row.state === "parked");
      state.commit(
        waiting.map((row) => ({
          table: "outbox",
          key: String(row.id),
          value: { ...row, state: "queued", nextAtMs: now.atMs },
        })),
      );
    }

    function report(verdict: Verdict, composed: Composed, rows: OutboxRow[], durationMs: number): void {
      deps.onAttempt?.({ channel: channel.name, verdict: verdict.class, durationMs, composed });
      if (rows.some((row) => row.state === "parked")) deps.onRow?.(channel.name, "parked");
      for (const row of rows) if (row.state === "collapsed") deps.onRow?.(channel.name, "collapsed");
      if (verdict.class === "sent") return;
      const { rule, target, incident } = composed.message;
      log.warn(
        { channel: channel.name, class: verdict.class, answer: verdict.description, rule, target, incident },
        "alert not delivered",
      );
    }

    function tooSoon(nowAtMs: number): boolean {
      const last = sentAtMs.at(-1) ?? Number.NEGATIVE_INFINITY;
      const inMinute = sentAtMs.filter((atMs) => nowAtMs - atMs < 60_000).length;
      return nowAtMs - last < channel.pace.everyMs || inMinute >= channel.pace.perMinute;
    }

    /** Best effort: the next one comes in a minute. */
    async function refresh(): Promise<void> {
      const { atMs } = clock.now();
      if (channel.refresh === undefined || deps.firing === undefined || atMs - refreshedAtMs < REFRESH_EVERY_MS) return;
      refreshedAtMs = atMs;
      await channel.refresh(deps.firing(channel.name), AbortSignal.timeout(SEND_TIMEOUT_MS));
    }

    let running: Promise<void> | undefined;
    async function drain(): Promise<void> {
      while (!stop.signal.aborted && (await once()));
      if (!stop.signal.aborted) await refresh();
    }
    return {
      channel,
      /** Sends what is due; never two at once. */
      pump(): Promise<void> {
        running ??= drain().finally(() => {
          running = undefined;
        });
        return running;
      },
    };
  }

  let timer: NodeJS.Timeout | undefined;
  const pumpAll = async (): Promise<void> => {
    await Promise.all(lanes.map((lane) => lane.pump()));
  };
  const look = () => {
    for (const lane of lanes) {
      lane
        .pump()
        .catch((error: unknown) => log.warn({ err: error, channel: lane.channel.name }, "the sender stumbled"));
    }
  };

  return {
    /** Begins to send; call it after the first evaluation, so that nothing is sent that no longer holds. */
    start(): void {
      timer ??= setInterval(look, LOOK_EVERY_MS);
      look();
    },
    /** Rows were queued. */
    wake(): void {
      if (timer !== undefined) look();
    },
    /** Everything that is due now, to its end. */
    pump: pumpAll,
    /** The way works again: what waits for its next attempt goes at once. */
    retryNow(channel: string): void {
      const now = clock.now();
      const waiting = state
        .all("outbox")
        .filter(
          (row) =>
            row.channel === channel && (row.state === "queued" || row.state === "ambiguous") && row.nextAtMs > now.atMs,
        );
      state.commit(
        waiting.map((row) => ({ table: "outbox", key: String(row.id), value: { ...row, nextAtMs: now.atMs } })),
      );
      if (timer !== undefined) look();
    },
    /** Waits for the requests in hand (each has its deadline) and sends nothing more. */
    async close(): Promise<void> {
      clearInterval(timer);
      timer = undefined;
      stop.abort();
      await pumpAll();
      await Promise.all(lanes.map((lane) => lane.channel.close()));
    },
  };
}
