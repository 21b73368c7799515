import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Folder of this file: the shipped configuration of the engines. */
export const configuration = import.meta.dirname;

/**
 * Where `prometheus`, `promtool`, `loki`, `otelcol` and `jaeger-all-in-one` are: `STACK_BIN`, else what
 * `shared/stack/unpack` beside the repository unpacks and prints. `skip` is the reason for a test to be skipped.
 */
export function findEngines(): { bin: string; skip: false | string } {
  const given = process.env["STACK_BIN"];
  if (given !== undefined && given !== "") return { bin: given, skip: false };
  const unpack = join(configuration, "../../../shared/stack/unpack");
  if (!existsSync(unpack))
    return { bin: "", skip: "no engines: set STACK_BIN to a folder with prometheus, loki, otelcol" };
  const { status, stdout, stderr } = spawnSync(unpack, { encoding: "utf8" });
  return status === 0 ? { bin: stdout.trim(), skip: false } : { bin: "", skip: `no engines: ${stderr.trim()}` };
}
