import { metrics, rootSpanId, type Telemetry } from "@gramwatch/otel";
import { SpanKind } from "@opentelemetry/api";
import type { ChannelState, Delivery } from "./api/deps.ts";
import type { Channel } from "./channels/channel.ts";
import type { SenderDeps } from "./outbox/deliver.ts";
import { OPEN_STATES } from "./outbox/ledger.ts";
import type { ChannelStatus, OutboxRow } from "./state/records.ts";
import type { SteadyClock } from "./state/steady.ts";
import type { State } from "./state/state.ts";

const iso = (wallMs: number): string => new Date(wallMs).toISOString();

/** What people and metrics see of the outbox: the ledger, the channels, attempts and ended rows by outcome. */
export function createDeliveries(
  state: Pick<State, "all" | "get">,
  channels: Pick<Channel, "name">[],
  clock: Pick<SteadyClock, "now">,
  tracer: Telemetry["tracer"],
) {
  const outcomes = metrics.notifications.labels.outcome;
  const counts = new Map<string, number>(
    channels.flatMap(({ name }) => outcomes.map((outcome) => [`${name} ${outcome}`, 0] as const)),
  );
  const count = (channel: string, outcome: (typeof outcomes)[number]) => {
    const key = `${channel} ${outcome}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  };
  const open = (): OutboxRow[] => state.all("outbox").filter((row) => OPEN_STATES.has(row.state));
  const pendingOf = (channel: string): number => open().filter((row) => row.channel === channel).length;

  const onAttempt: NonNullable<SenderDeps["onAttempt"]> = ({ channel, verdict, durationMs, composed }) => {
    count(channel, outcomeOf(verdict));
    const endTime = Date.now();
    const { rule, target, incident, traceIds } = composed.message;
    const span = tracer.startSpan(`notify ${channel}`, {
      kind: SpanKind.INTERNAL,
      root: true,
      startTime: endTime - durationMs,
      attributes: { rule, target, outcome: outcomeOf(verdict), ...(incident !== null && { incident }) },
      links: traceIds.map((traceId) => ({ context: { traceId, spanId: rootSpanId(traceId), traceFlags: 1 } })),
    });
    span.end(endTime);
  };

  return {
    onAttempt,
    onRow: count,
    /** Newest first. */
    ledger: (): Delivery[] => {
      const { atMs, wallMs } = clock.now();
      return state
        .all("outbox")
        .toSorted((a, b) => b.id - a.id)
        .map((row) => asJson(row, wallMs - atMs));
    },
    channels: (): ChannelState[] =>
      channels.map(({ name }) => channelState(name, state.get("channel", name), pendingOf(name), clock.now().atMs)),
    counts: () =>
      [...counts].map(([key, number]) => {
        const [channel = "", outcome = ""] = key.split(" ");
        return { channel, outcome, count: number };
      }),
    pending: (): Record<string, number> => Object.fromEntries(channels.map(({ name }) => [name, pendingOf(name)])),
    /** Age of the oldest message that waits; undefined: none does. */
    oldestMs(): number | undefined {
      const waiting = open().map(({ createdAtMs }) => createdAtMs);
      return waiting.length === 0 ? undefined : clock.now().atMs - Math.min(...waiting);
    },
  };
}

function outcomeOf(verdict: Parameters<NonNullable<SenderDeps["onAttempt"]>>[0]["verdict"]) {
  return verdict === "sent" || verdict === "flood" || verdict === "not_sent" || verdict === "ambiguous"
    ? verdict
    : "refused";
}

/** `offsetMs`: what makes wall time of a steady instant near now. */
function asJson(row: OutboxRow, offsetMs: number): Delivery {
  const { id, incident, channel, kind, state, attempts, answer } = row;
  return {
    id,
    incident,
    channel,
    kind,
    state,
    attempts,
    answer,
    created_at: iso(row.createdWallMs),
    next_at: OPEN_STATES.has(state) ? iso(row.nextAtMs + offsetMs) : null,
    sent_at: row.sentWallMs === null ? null : iso(row.sentWallMs),
  };
}

function channelState(
  channel: string,
  status: ChannelStatus | undefined,
  pending: number,
  nowAtMs: number,
): ChannelState {
  const flooded = (status?.floodUntilAtMs ?? 0) > nowAtMs;
  return {
    channel,
    state: status?.parked ? "parked" : flooded || pending > 0 ? "waiting" : "ok",
    detail: status?.parked?.description ?? (flooded ? "flood wait" : null) ?? status?.warning ?? null,
    last_sent_at: status?.lastSentWallMs ? iso(status.lastSentWallMs) : null,
    pending,
  };
}
