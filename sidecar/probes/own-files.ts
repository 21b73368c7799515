import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { OwnFile } from "./probe.ts";

/** What bot and sidecar write, by name: a watched directory may hold anything else as well. */
const KINDS: [OwnFile["kind"], RegExp][] = [
  ["telemetry", /^telemetry\.db/],
  ["database", /^(bot|state)\.db(-wal|-shm)?$/],
  ["backup", /^(bot|state)-\d{8}T\d{6}Z\.db/],
];

const MAX_FILES = 1000;

/** Our own files right in these directories or in their `backups`, those on that device, largest first. */
export async function ownFiles(dirs: readonly string[], device: number): Promise<OwnFile[]> {
  const all = new Set(dirs.flatMap((dir) => [dir, join(dir, "backups")]));
  const found = await Promise.all([...all].map((dir) => filesIn(dir, device)));
  return found.flat().toSorted((a, b) => b.bytes - a.bytes);
}

async function filesIn(dir: string, device: number): Promise<OwnFile[]> {
  try {
    const names = (await readdir(dir)).slice(0, MAX_FILES);
    const files = await Promise.all(
      names.map(async (name): Promise<OwnFile[]> => {
        const kind = KINDS.find(([, pattern]) => pattern.test(name))?.[0];
        if (kind === undefined) return [];
        const { dev, size } = await stat(join(dir, name));
        return dev === device ? [{ name, kind, bytes: size }] : [];
      }),
    );
    return files.flat();
  } catch {
    return []; // not there, not readable, or deleted meanwhile: it only explains
  }
}
