import { duration } from "@gramwatch/otel";
import * as v from "valibot";
import type { TraceFilter } from "../store/traces.ts";

/** What a query string may say; undefined: the parameter is absent or blank. */
type Query = Record<string, string | undefined>;

/** A parameter that is not what it should be; the message is for the one who wrote it. */
export class BadQuery extends Error {
  override name = "BadQuery";
}

/** `250ms 30s 5m 1h`; a bare number is milliseconds. */
export function durationOf(name: string, given: string | undefined): number | undefined {
  if (!given) return undefined;
  const result = v.safeParse(duration(), /^\d+$/.test(given) ? `${given}ms` : given);
  if (!result.success) throw new BadQuery(`${name} is ${result.issues[0].message}`);
  return result.output;
}

export function limitOf(given: string | undefined, fallback: number, max: number): number {
  if (!given) return fallback;
  const limit = Number(given);
  if (!Number.isInteger(limit) || limit < 1) throw new BadQuery(`limit is a whole number from 1 to ${max}`);
  return Math.min(limit, max);
}

export function traceFilterOf(query: Query): TraceFilter {
  const error = query["error"];
  if (error && !/^(true|false|0|1)$/.test(error)) throw new BadQuery("error is true or false");
  return {
    service: query["service"] || undefined,
    minDurationMs: durationOf("min_duration", query["min_duration"]),
    error: error ? error === "true" || error === "1" : undefined,
    q: query["q"]?.trim() || undefined,
    userHash: query["user"] || undefined,
    limit: limitOf(query["limit"], 50, 500),
  };
}
