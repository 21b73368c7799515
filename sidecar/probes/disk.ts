import { constants, statSync } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import { ownFiles } from "./own-files.ts";
import type { DiskSample, OwnFile, Probe } from "./probe.ts";
import { type Clocks, seen } from "./seen.ts";

/** What the probe asks of the system; tests answer for it. */
export interface Disks {
  statfs: (path: string) => Promise<{ bavail: number; blocks: number; bsize: number; ffree: number; files: number }>;
  /** Device number of a path; rejects when there is no such path. */
  device: (path: string) => Promise<number>;
  /** Whether the mount refuses writes; the bot's volume is mounted read-only on purpose. */
  readOnly: (path: string) => Promise<boolean>;
  /** Our files in these directories that are on that device, largest first. */
  ownFiles: (dirs: readonly string[], device: number) => Promise<OwnFile[]>;
}

export const systemDisks: Disks = {
  statfs: (path) => statfs(path),
  device: async (path) => (await stat(path)).dev,
  readOnly: async (path) => {
    try {
      await access(path, constants.W_OK);
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "EROFS";
    }
  },
  ownFiles,
};

/**
 * One path for each device, the first given: several paths on one disk are one disk, filled together.
 * A path that is not there yet stands for itself.
 */
export function onePathPerDevice(
  paths: string[],
  deviceOf: (path: string) => number = (path) => statSync(path).dev,
): string[] {
  const byDevice = new Map<number | string, string>();
  for (const path of paths) {
    let device: number | string = path;
    try {
      device = deviceOf(path);
    } catch {
      // said by the probe: ENOENT is a sample, not an end
    }
    if (!byDevice.has(device)) byDevice.set(device, path);
  }
  return [...byDevice.values()];
}

/** Space and inodes of a mount, as an unprivileged process may use them; `ownDirs`: where our files may be. */
export function diskProbe(
  path: string,
  ownDirs: readonly string[],
  disks: Disks,
  clocks: Clocks,
  intervalMs: number,
): Probe {
  const probe = `disk:${path}`;
  return {
    name: probe,
    intervalMs,
    timeoutMs: 10_000,
    async run(signal) {
      const result = await readDisk(path, ownDirs, disks, signal);
      return { kind: "disk", ...seen(probe, path, clocks), result };
    },
  };
}

async function readDisk(
  path: string,
  ownDirs: readonly string[],
  disks: Disks,
  signal: AbortSignal,
): Promise<DiskSample["result"]> {
  try {
    const [space, device, readOnly] = await beforeDeadline(
      Promise.all([disks.statfs(path), disks.device(path), disks.readOnly(path)]),
      signal,
    );
    const files = await beforeDeadline(disks.ownFiles(ownDirs, device), signal);
    const [largest] = files;
    return {
      ok: true,
      availableBytes: space.bavail * space.bsize,
      sizeBytes: space.blocks * space.bsize,
      inodesFree: space.ffree,
      inodes: space.files,
      readOnly,
      device: String(device),
      ...(largest && { own: { largest, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) } }),
    };
  } catch (error) {
    return { ok: false, code: (error as NodeJS.ErrnoException).code ?? "UNKNOWN" };
  }
}

/** A dead network file system answers no statfs at all and cannot be interrupted. */
function beforeDeadline<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = () => {
    reject(Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" }));
  };
  if (signal.aborted) late();
  signal.addEventListener("abort", late, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener("abort", late));
}
