import type { BotContext } from "../context.ts";
import { rich, type Html } from "../html.ts";
import { SidecarRefusal, type Alert, type SidecarClient, type Span, type Trace } from "../sidecar-client.ts";
import type { Command } from "./command.ts";

/** Figures of `/health` that /status shows. */
export interface OwnStatus {
  status: string;
  version: string;
  uptimeSeconds: number;
  handled: number;
  failed: number;
  pending: number;
  errors: number;
}

export interface AdminDeps {
  sidecar: SidecarClient;
  status: () => OwnStatus;
}

/** /status, /alerts, /trace, /silence: for the ids in BOT_ADMINS. */
export function adminCommands({ sidecar, status }: AdminDeps): Command[] {
  return [
    {
      name: "status",
      summary: "how the bot is",
      audience: "admins",
      async run(ctx) {
        const own = status();
        const lines = [
          rich`<b>${own.status}</b> · version ${own.version} · up ${spoken(own.uptimeSeconds)}`,
          rich`updates: ${own.handled} handled, ${own.failed} failed, ${own.pending} waiting · errors: ${own.errors}`,
        ];
        // How the bot is must be told also when the sidecar is not there.
        const alerts = await sidecar.alerts(ctx.signal).then(
          (firing) => (firing.length === 0 ? [rich`no alert is firing`] : firing.map(alertLine)),
          (error: unknown) => [rich`the sidecar: ${refusal(error) ?? "does not answer"}`],
        );
        await ctx.say(rich`${[...lines, ...alerts]}`);
      },
    },
    {
      name: "alerts",
      summary: "what is firing",
      audience: "admins",
      run: (ctx) =>
        told(ctx, async () => {
          const firing = await sidecar.alerts(ctx.signal);
          return firing.length === 0 ? rich`No alert is firing.` : rich`${firing.map(alertLine)}`;
        }),
    },
    {
      name: "trace",
      usage: "<reference>",
      summary: "what happened behind a reference",
      audience: "admins",
      async run(ctx, reference) {
        if (!/^[0-9a-f]{8,32}$/i.test(reference)) return ctx.say(rich`Which one? For example: /trace 4bf92f35`);
        await told(ctx, async () => traceText(await sidecar.trace(reference.toLowerCase(), ctx.signal)));
      },
    },
    {
      name: "silence",
      usage: "<alert> <time>",
      summary: "no messages about an alert for a while",
      audience: "admins",
      async run(ctx, argument) {
        const [, id, time] = /^#?(\w{1,16})\s+(\d+[mhd])$/.exec(argument) ?? [];
        if (id === undefined || time === undefined)
          return ctx.say(rich`Which one, for how long? For example: /silence K7F2 1h`);
        await told(ctx, async () => {
          await sidecar.silence(id.toUpperCase(), time, nameOf(ctx), ctx.signal);
          return rich`Silenced <b>${id.toUpperCase()}</b> for ${time}.`;
        });
      },
    },
  ];
}

/** A refusal of the sidecar is its answer, not our failure. */
async function told(ctx: BotContext, work: () => Promise<Html>): Promise<void> {
  let answer: Html;
  try {
    answer = await work();
  } catch (error) {
    const words = refusal(error);
    if (words === undefined) throw error;
    answer = rich`The sidecar says: ${words}`;
  }
  await ctx.say(answer);
}

function refusal(error: unknown): string | undefined {
  if (!(error instanceof SidecarRefusal)) return undefined;
  return error.status === 401 ? "SIDECAR_API_TOKEN is missing or wrong" : error.message;
}

const alertLine = (alert: Alert): Html =>
  rich`${alert.severity === "critical" ? "🔴" : "🟠"} <code>${alert.id}</code> <b>${alert.rule}</b> ${alert.target}: ${alert.summary}${alert.acked_by ? ` (acknowledged by ${alert.acked_by})` : ""}`;

/** How an admin is called in the record of an acknowledgement. */
export const nameOf = (ctx: BotContext): string =>
  ctx.from?.username === undefined ? (ctx.from?.first_name ?? "somebody") : `@${ctx.from.username}`;

function spoken(seconds: number): string {
  const [days, hours, minutes] = [seconds / 86_400, (seconds / 3600) % 24, (seconds / 60) % 60].map(Math.floor);
  if (days) return `${days} d ${hours} h`;
  return hours ? `${hours} h ${minutes} min` : `${minutes} min ${Math.floor(seconds % 60)} s`;
}

const MAX_TRACE_LINES = 60;

function traceText(trace: Trace): Html {
  const lines = [
    rich`<b>${trace.error === null ? "ok" : `failed: ${trace.error}`}</b> · ${trace.started_at} · ${ms(trace.duration_ms)}`,
    ...trace.spans.flatMap((span) => spanLines(span, 0)),
    ...trace.logs.filter(({ severity }) => /^(WARN|ERROR|FATAL)/i.test(severity)).map(logLine),
    rich`<code>${trace.trace_id}</code>`,
    ...trace.others.map((other) => rich`also: <code>${other.trace_id}</code>`),
  ];
  return rich`${lines.slice(0, MAX_TRACE_LINES)}`;
}

const spanLines = (span: Span, depth: number): Html[] => [
  rich`${"   ".repeat(depth)}${span.error === null ? "·" : "✗"} ${span.name} ${ms(span.duration_ms)}${span.error === null ? "" : ` (${span.error})`}`,
  ...span.children.flatMap((child) => spanLines(child, depth + 1)),
];

function logLine({ severity, body, attributes }: Trace["logs"][number]): Html {
  const exception = attributes["exception.message"];
  return rich`${severity} ${body}${typeof exception === "string" ? `: ${exception.slice(0, 300)}` : ""}`;
}

const ms = (duration: number): string =>
  duration < 1000 ? `${Math.round(duration)} ms` : `${(duration / 1000).toFixed(1)} s`;
