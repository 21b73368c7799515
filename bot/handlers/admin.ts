import type { BotContext } from "../context.ts";
import { rich, type Html } from "../html.ts";
import { SidecarRefusal, type Alert, type SidecarClient } from "../sidecar-client.ts";
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
        await told(ctx, async () => traceText(reference, await sidecar.trace(reference.toLowerCase(), ctx.signal)));
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

/** A span as `GET /api/traces/:ref` nests it. */
interface SpanNode {
  name: string;
  duration_ms?: number | undefined;
  error?: unknown;
  children?: SpanNode[] | undefined;
}

function traceText(reference: string, answer: unknown): Html {
  const {
    trace_id,
    spans = [],
    traces,
  } = answer as { trace_id?: string; spans?: SpanNode[]; traces?: { trace_id: string; spans?: SpanNode[] }[] };
  const all = traces ?? [{ trace_id: trace_id ?? reference, spans }];
  const lines = all.flatMap((trace) => [rich`<code>${trace.trace_id}</code>`, ...spanLines(trace.spans ?? [], 0)]);
  return rich`${lines.slice(0, 60)}`;
}

const spanLines = (spans: SpanNode[], depth: number): Html[] =>
  spans.flatMap((span) => [
    rich`${"  ".repeat(depth)}${span.error ? "✗" : "·"} ${span.name}${span.duration_ms === undefined ? "" : ` ${Math.round(span.duration_ms)} ms`}`,
    ...spanLines(span.children ?? [], depth + 1),
  ]);
