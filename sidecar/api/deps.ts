import type { AlertJson } from "../alerts/engine.ts";
import type { Store } from "../store/store.ts";
import type { StatusBook } from "./status.ts";

/** One row of the outbox ledger, as `GET /api/deliveries` shows it; times are ISO 8601 in UTC. */
export interface Delivery {
  id: number | string;
  incident: string | null;
  channel: string;
  kind: string;
  state: string;
  attempts: number;
  created_at: string;
  /** Not before this time; null: nothing is planned. */
  next_at: string | null;
  sent_at: string | null;
  /** Class of the last answer, and the other side's own words. */
  answer: { class: string; description: string } | null;
}

/** A channel as `/api/status` shows it. */
export interface ChannelState {
  channel: string;
  state: "ok" | "waiting" | "parked";
  /** What a human has to know or do; null: nothing. */
  detail: string | null;
  last_sent_at: string | null;
  pending: number;
}

export interface HeartbeatState {
  heartbeat: "main" | "delivery";
  ok: boolean;
  last_sent_at: string | null;
  error: string | null;
}

/** One entry of an incident's history. */
export interface IncidentEvent {
  at: string;
  text: string;
}

/** The engine's door, as far as people act through it. undefined: no such incident, or it is over. */
export interface AlertDesk {
  alerts(filter: "firing" | "resolved" | "all"): AlertJson[];
  ack(id: string, by: string): AlertJson | undefined;
  silence(id: string, forMs: number, by: string): AlertJson | undefined;
  undo(id: string, by: string): AlertJson | undefined;
}

/** What API and console need from the rest of the sidecar; `app.ts` provides it. */
export interface ConsoleDeps {
  store: Store;
  status: StatusBook;
  alerts: AlertDesk;
  deliveries(): Delivery[];
  channels(): ChannelState[];
  heartbeats(): HeartbeatState[];
  /** Sends a test alert through every channel: "sent", or the other side's own words. */
  testAlert(): Promise<{ channel: string; ok: boolean; answer: string }[]>;
  /** The body of `/metrics`. */
  metricsPage(): Promise<string>;
  /** The history of an incident, oldest first; without it the console shows only the times of the alert itself. */
  timeline?(incident: string): IncidentEvent[];
  /** Something broke while a page or an answer was made; for the log. The client learns nothing of it. */
  onError?(error: unknown): void;
  /** Unix milliseconds. */
  wallMs?: () => number;
}

export interface ConsoleOptions {
  version: string;
  /** `SIDECAR_API_TOKEN`; undefined: everybody who reaches the port may come in, so it is bound to loopback. */
  token?: string | undefined;
  /** `CONSOLE_URL`: its host is accepted beside loopback when there is no token. */
  url?: string | undefined;
  grafanaUrl?: string | undefined;
  /** `ERRORS_MAX` and `ERRORS_WINDOW`, to say "3 of 10". */
  errors: { max: number; windowMs: number };
  /** Where runbooks and browser files lie; default: beside this program. */
  runbooksDir?: string | undefined;
  clientDir?: string | undefined;
}
