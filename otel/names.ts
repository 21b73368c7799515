/** Every span, metric, attribute, log field, event and closed value set of bot and sidecar, once. */

/** The Bot API's update types, plus what a newer Bot API may bring. Checked against grammY's types by a test. */
export const updateTypes = [
  "message",
  "edited_message",
  "channel_post",
  "edited_channel_post",
  "business_connection",
  "business_message",
  "edited_business_message",
  "deleted_business_messages",
  "guest_message",
  "stopped_message_generation",
  "message_reaction",
  "message_reaction_count",
  "inline_query",
  "chosen_inline_result",
  "callback_query",
  "shipping_query",
  "pre_checkout_query",
  "purchased_paid_media",
  "poll",
  "poll_answer",
  "my_chat_member",
  "chat_member",
  "chat_join_request",
  "chat_boost",
  "removed_chat_boost",
  "managed_bot",
  "subscription",
  "unknown",
] as const;
export type UpdateType = (typeof updateTypes)[number];

/** Why a Bot API call failed: Telegram refused, nobody answered, the answer was bad, we gave up. */
export const apiReasons = [
  "bad_request",
  "unauthorized",
  "forbidden",
  "conflict",
  "flood",
  "dns",
  "connect",
  "tls",
  "timeout",
  "reset",
  "server",
  "protocol",
  "aborted",
  "_OTHER",
] as const;
export type ApiReason = (typeof apiReasons)[number];

export const statusCodes = [
  "200",
  "400",
  "401",
  "403",
  "404",
  "409",
  "413",
  "429",
  "500",
  "502",
  "503",
  "504",
  "_OTHER",
] as const;
export type StatusCode = (typeof statusCodes)[number];

/** How the handling of an update failed; `shutdown`: cut off by the drain, will be replayed. */
export const handlingReasons = ["handler", "reply", "dependency", "storage", "timeout", "shutdown"] as const;
export type HandlingReason = (typeof handlingReasons)[number];

/** What counts as an error of the bot: the keys of `/health.errors.by_reason`. */
export const errorReasons = ["handler", "reply", "dependency", "storage", "poll", "crash", "lost"] as const;
export type ErrorReason = (typeof errorReasons)[number];

export const attributes = {
  // OpenTelemetry semantic conventions 1.45
  system: "messaging.system.name",
  operationName: "messaging.operation.name",
  operationType: "messaging.operation.type",
  updateType: "messaging.destination.name",
  messageId: "messaging.message.id",
  batchCount: "messaging.batch.message_count",
  rpcSystem: "rpc.system.name",
  rpcMethod: "rpc.method",
  rpcStatus: "rpc.status_code",
  serverAddress: "server.address",
  serverPort: "server.port",
  errorType: "error.type",
  dbSystem: "db.system.name",
  dbOperation: "db.operation.name",
  dbCollection: "db.collection.name",
  userHash: "user.hash",
  exceptionType: "exception.type",
  exceptionMessage: "exception.message",
  exceptionStack: "exception.stacktrace",
  cpuMode: "cpu.mode",
  networkType: "network.type",
  // what the conventions lack
  updateId: "telegram.update.id",
  replayed: "telegram.update.replayed",
  chatType: "telegram.chat.type",
  handler: "telegram.handler",
  correlationId: "telegram.correlation_id",
  retryAfter: "telegram.retry_after",
  botId: "telegram.bot.id",
} as const;

const call = [
  attributes.rpcSystem,
  attributes.rpcMethod,
  attributes.rpcStatus,
  attributes.serverAddress,
  attributes.serverPort,
  attributes.errorType,
] as const;

/** Spans and what they may carry; `{…}` in a name is filled in at run time from a closed set. */
export const spans = {
  process: {
    name: "process {update type}",
    kind: "CONSUMER",
    about: "One handling of an update. A root, linked to its getUpdates; a replay is linked to the first root.",
    attributes: [
      attributes.system,
      attributes.operationName,
      attributes.operationType,
      attributes.updateType,
      attributes.messageId,
      attributes.updateId,
      attributes.chatType,
      attributes.handler,
      attributes.userHash,
      attributes.correlationId,
      attributes.replayed,
      attributes.errorType,
    ],
  },
  call: {
    name: "{method}",
    kind: "CLIENT",
    about: "One attempt of a Bot API call.",
    attributes: [...call, attributes.retryAfter],
  },
  poll: {
    name: "getUpdates",
    kind: "CLIENT",
    about: "A poll that brought updates or failed. A root; an empty poll is no trace.",
    attributes: [...call, attributes.batchCount, attributes.retryAfter],
  },
  sql: {
    name: "{OPERATION} {table}",
    kind: "CLIENT",
    about: "A SQLite call that is slower than 5 ms, failed, or is part of a handling that failed.",
    attributes: [attributes.dbSystem, attributes.dbOperation, attributes.dbCollection, attributes.errorType],
  },
  job: {
    name: "job {name}",
    kind: "CONSUMER",
    about: "Work that outlives the handling. A root, linked to the update's first trace.",
    attributes: [attributes.system, attributes.correlationId, attributes.errorType],
  },
  notify: {
    name: "notify {channel}",
    kind: "INTERNAL",
    about: "Sidecar: one delivery attempt. A root, linked to the traces that explain the alert.",
    attributes: ["rule", "target", "outcome", "incident"],
  },
} as const;

/** OTLP `eventName` of log records that mark an event. */
export const events = {
  handled: "telegram.update.handled",
  failed: "telegram.update.failed",
  pollFailed: "telegram.poll.failed",
  pollRecovered: "telegram.poll.recovered",
  stopped: "telegram.bot.stopped",
  alert: "gramwatch.alert",
} as const;

/**
 * Keys of a log line that are exported as attributes of the OTLP record. Every other key stays on stdout: an
 * allow-list, so that a new field cannot leak by being forgotten.
 */
export const logFields = [
  attributes.updateType,
  attributes.updateId,
  attributes.handler,
  attributes.correlationId,
  attributes.chatType,
  attributes.userHash,
  attributes.replayed,
  attributes.rpcMethod,
  attributes.rpcStatus,
  attributes.errorType,
  attributes.dbOperation,
  attributes.dbCollection,
  attributes.retryAfter,
  "duration_ms",
  "outcome",
  "reason",
  "attempt",
  "count",
  "signal",
  "component",
  "job",
  "dependency",
  "rule",
  "target",
  "severity",
  "state",
  "incident",
  "cause",
  "channel",
  "probe",
  "phase",
  "heartbeat",
] as const;

/** A closed set of values, or where the values come from. */
type Values = readonly string[] | { from: string };

export interface Metric {
  name: string;
  kind: "counter" | "updown" | "gauge" | "histogram";
  /** UCUM, as OTLP carries it. Never `1` on an up-down counter: the two paths to Prometheus disagree there. */
  unit: string;
  /** Read from plain state at collection instead of being recorded. */
  observable: boolean;
  by: readonly ("bot" | "sidecar")[];
  description: string;
  labels?: Readonly<Record<string, Values>>;
  buckets?: readonly number[];
}

const B1 = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 5, 10, 30, 60] as const;
const B2 = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 45, 60] as const;
const B3 = [1, 2, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400] as const;

const bot = ["bot"] as const;
const sidecar = ["sidecar"] as const;
const both = ["bot", "sidecar"] as const;
const methods = { from: "the Bot API's methods that the bot calls" };
const targets = { from: "names in the sidecar's configuration" };

export const metrics = {
  processDuration: {
    name: "messaging.process.duration",
    kind: "histogram",
    unit: "s",
    observable: false,
    by: bot,
    description: "Time to handle one update.",
    labels: {
      [attributes.system]: ["telegram"],
      [attributes.operationName]: ["process"],
      [attributes.updateType]: updateTypes,
      [attributes.handler]: { from: "the bot's handler table" },
      [attributes.errorType]: handlingReasons,
    },
    buckets: B1,
  },
  consumed: {
    name: "messaging.client.consumed.messages",
    kind: "counter",
    unit: "{message}",
    observable: true,
    by: bot,
    description: "Updates received from Telegram.",
    labels: {
      [attributes.system]: ["telegram"],
      [attributes.operationName]: ["receive"],
      [attributes.updateType]: updateTypes,
    },
  },
  callDuration: {
    name: "rpc.client.call.duration",
    kind: "histogram",
    unit: "s",
    observable: false,
    by: both,
    description: "Time of one attempt of a Bot API call.",
    labels: {
      [attributes.rpcSystem]: ["telegram"],
      [attributes.rpcMethod]: methods,
      [attributes.rpcStatus]: statusCodes,
      [attributes.errorType]: apiReasons,
    },
    buckets: B2,
  },
  errors: {
    name: "telegram.bot.errors",
    kind: "counter",
    unit: "{error}",
    observable: true,
    by: bot,
    description: "Errors of the bot by reason; every reason is there from the start.",
    labels: { reason: errorReasons },
  },
  lastPollSuccess: {
    name: "telegram.bot.last_poll_success.timestamp",
    kind: "gauge",
    unit: "s",
    observable: true,
    by: bot,
    description: "Unix time of the last getUpdates that returned; absent before the first.",
  },
  pollAge: {
    name: "telegram.bot.poll.in_flight.age",
    kind: "gauge",
    unit: "s",
    observable: true,
    by: bot,
    description: "Age of the getUpdates in flight; absent without one.",
  },
  connected: {
    name: "telegram.bot.connected",
    kind: "gauge",
    unit: "{connection}",
    observable: true,
    by: bot,
    description: "1 while the last poll succeeded, else 0.",
  },
  lag: {
    name: "telegram.bot.update.lag",
    kind: "histogram",
    unit: "s",
    observable: false,
    by: bot,
    description: "Telegram's date of an update to the start of its handling, in whole seconds.",
    labels: { [attributes.updateType]: updateTypes },
    buckets: B3,
  },
  inFlight: {
    name: "telegram.bot.updates.in_flight",
    kind: "updown",
    unit: "{update}",
    observable: true,
    by: bot,
    description: "Updates being handled now.",
  },
  oldestAge: {
    name: "telegram.bot.updates.oldest_in_flight.age",
    kind: "gauge",
    unit: "s",
    observable: true,
    by: bot,
    description: "Age of the oldest update being handled; 0 without one.",
  },
  inboxPending: {
    name: "telegram.bot.inbox.pending",
    kind: "updown",
    unit: "{update}",
    observable: true,
    by: bot,
    description: "Updates committed to the inbox and not yet handled.",
  },
  replayed: {
    name: "telegram.bot.updates.replayed",
    kind: "counter",
    unit: "{update}",
    observable: true,
    by: bot,
    description: "Updates handled again after a crash.",
  },
  duplicates: {
    name: "telegram.bot.updates.duplicates",
    kind: "counter",
    unit: "{update}",
    observable: true,
    by: bot,
    description: "Updates that Telegram sent again and the inbox already had.",
  },
  retries: {
    name: "telegram.api.retries",
    kind: "counter",
    unit: "{retry}",
    observable: true,
    by: bot,
    description: "Bot API calls tried again.",
    labels: { [attributes.rpcMethod]: methods, [attributes.errorType]: apiReasons },
  },
  retryAfter: {
    name: "telegram.api.retry_after",
    kind: "counter",
    unit: "s",
    observable: true,
    by: bot,
    description: "Seconds that Telegram made us wait (429).",
    labels: { [attributes.rpcMethod]: methods },
  },
  queueDepth: {
    name: "telegram.api.queue_depth",
    kind: "updown",
    unit: "{call}",
    observable: true,
    by: bot,
    description: "Bot API calls in flight or waiting for a retry, long polls excluded.",
  },

  uptime: {
    name: "process.uptime",
    kind: "gauge",
    unit: "s",
    observable: true,
    by: both,
    description: "Time since the process started.",
  },
  memory: {
    name: "process.memory.usage",
    kind: "updown",
    unit: "By",
    observable: true,
    by: both,
    description: "Resident memory.",
  },
  cpu: {
    name: "process.cpu.time",
    kind: "counter",
    unit: "s",
    observable: true,
    by: both,
    description: "CPU time of all threads.",
    labels: { [attributes.cpuMode]: ["user", "system"] },
  },
  heapLimit: {
    name: "nodejs.heap.limit",
    kind: "gauge",
    unit: "By",
    observable: true,
    by: both,
    description: "V8's heap limit.",
  },
  loopDelayP50: {
    name: "nodejs.eventloop.delay.p50",
    kind: "gauge",
    unit: "s",
    observable: true,
    by: both,
    description: "Event loop delay, median of the last minute.",
  },
  loopDelayP99: {
    name: "nodejs.eventloop.delay.p99",
    kind: "gauge",
    unit: "s",
    observable: true,
    by: both,
    description: "Event loop delay, 99th percentile of the last minute.",
  },
  loopDelayMax: {
    name: "nodejs.eventloop.delay.max",
    kind: "gauge",
    unit: "s",
    observable: true,
    by: both,
    description: "Event loop delay, longest of the last minute.",
  },

  probeSuccess: {
    name: "probe.success",
    kind: "gauge",
    unit: "{probe}",
    observable: true,
    by: sidecar,
    description: "1 if the last run of the probe succeeded, else 0.",
    labels: {
      probe: { from: "the probes in use" },
      kind: ["health", "telegram", "webhook", "control", "dependency"],
      target: targets,
    },
  },
  probeDuration: {
    name: "probe.duration",
    kind: "gauge",
    unit: "s",
    observable: true,
    by: sidecar,
    description: "Time of a phase in the last run of the probe; absent for a phase not reached.",
    labels: {
      probe: { from: "the probes in use" },
      target: targets,
      phase: ["dns", "tcp", "tls", "ttfb", "total"],
      [attributes.networkType]: ["ipv4", "ipv6"],
    },
  },
  certExpiry: {
    name: "probe.ssl.earliest_cert_expiry",
    kind: "gauge",
    unit: "s",
    observable: true,
    by: sidecar,
    description: "Unix time when the first certificate of the chain expires.",
    labels: { probe: { from: "the probes in use" }, target: targets },
  },
  pendingUpdates: {
    name: "telegram.bot.pending_updates",
    kind: "gauge",
    unit: "{update}",
    observable: true,
    by: sidecar,
    description: "Updates waiting at Telegram, from getWebhookInfo.",
    labels: { target: targets },
  },
  alertsFiring: {
    name: "sidecar.alerts.firing",
    kind: "gauge",
    unit: "{alert}",
    observable: true,
    by: sidecar,
    description: "1 while the alert fires; 0 for every other known rule and target.",
    labels: { rule: { from: "the rules" }, target: targets, severity: ["warning", "critical"] },
  },
  notifications: {
    name: "sidecar.notifications",
    kind: "counter",
    unit: "{notification}",
    observable: true,
    by: sidecar,
    description: "Delivery attempts and rows of the outbox by outcome.",
    labels: {
      channel: ["telegram", "webhook", "ntfy", "alertmanager", "log"],
      outcome: ["sent", "flood", "refused", "not_sent", "ambiguous", "parked", "collapsed", "expired"],
    },
  },
  outboxPending: {
    name: "sidecar.outbox.pending",
    kind: "updown",
    unit: "{message}",
    observable: true,
    by: sidecar,
    description: "Messages waiting in the outbox.",
    labels: { channel: ["telegram", "webhook", "ntfy", "alertmanager", "log"] },
  },
  heartbeatAge: {
    name: "sidecar.heartbeat.age",
    kind: "gauge",
    unit: "s",
    observable: true,
    by: sidecar,
    description: "Time since the last heartbeat that was accepted.",
    labels: { heartbeat: ["main", "delivery"] },
  },
  diskAvailable: {
    name: "sidecar.disk.available",
    kind: "gauge",
    unit: "By",
    observable: true,
    by: sidecar,
    description: "Bytes an unprivileged process may still write.",
    labels: { path: { from: "DISK_PATHS" } },
  },
  diskSize: {
    name: "sidecar.disk.size",
    kind: "gauge",
    unit: "By",
    observable: true,
    by: sidecar,
    description: "Size of the file system.",
    labels: { path: { from: "DISK_PATHS" } },
  },
  storeSize: {
    name: "sidecar.store.size",
    kind: "gauge",
    unit: "By",
    observable: true,
    by: sidecar,
    description: "Size of the embedded telemetry store.",
  },
  otlpItems: {
    name: "sidecar.otlp.items",
    kind: "counter",
    unit: "{item}",
    observable: true,
    by: sidecar,
    description: "Spans, data points and log records received.",
    labels: { signal: ["traces", "metrics", "logs"], outcome: ["accepted", "rejected"] },
  },
  otlpLastArrival: {
    name: "sidecar.otlp.last_arrival.timestamp",
    kind: "gauge",
    unit: "s",
    observable: true,
    by: sidecar,
    description: "Unix time of the last arrival of a bot's telemetry.",
    labels: { target: targets, signal: ["traces", "metrics", "logs"] },
  },
} as const satisfies Record<string, Metric>;
export type MetricKey = keyof typeof metrics;

/** Metrics made by the OpenTelemetry SDK and its instrumentations under their own names. */
export const foreignMetrics = [
  { name: "nodejs.eventloop.time", kind: "counter", unit: "s" },
  { name: "nodejs.eventloop.utilization", kind: "gauge", unit: "1" },
  { name: "v8js.gc.duration", kind: "histogram", unit: "s" },
  { name: "v8js.memory.heap.used", kind: "updown", unit: "By" },
  { name: "v8js.memory.heap.space.size", kind: "updown", unit: "By" },
  { name: "v8js.memory.heap.space.available_size", kind: "updown", unit: "By" },
  { name: "v8js.memory.heap.space.physical_size", kind: "updown", unit: "By" },
  { name: "v8js.resource.active", kind: "gauge", unit: "{resource}" },
  { name: "http.client.request.duration", kind: "histogram", unit: "s" },
] as const satisfies readonly Pick<Metric, "name" | "kind" | "unit">[];

/** Buckets of `http.client.request.duration`, set by a view because the instrument is not ours. */
export const httpClientBuckets: readonly number[] = B1;
