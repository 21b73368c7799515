import { accessSync, constants, existsSync, mkdirSync, rmSync, statSync, statfsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { bad, type Finding, note, ok } from "./finding.ts";

// As the rule DiskSpaceLow: 5 % of a huge disk is room enough.
const FREE_RATIO = 0.05;
const ENOUGH_BYTES = 5 * 1024 ** 3;
const FREE_BYTES = 64 * 1024 * 1024;

export interface Space {
  freeBytes: number;
  sizeBytes: number;
}

/** The directory of the databases: there or creatable, ours to write, with room on its disk. */
export function checkDataDir(dir: string, spaceOf: (dir: string) => Space = spaceAt): Finding[] {
  const uid = process.geteuid?.() ?? 0;
  const give = `Give it to the user that runs this: \`chown -R ${uid}:${process.getegid?.() ?? 0} ${dir}\`, as root (for a volume: from a container of root).`;
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const probe = join(dir, `.doctor-${process.pid}`);
    writeFileSync(probe, "ok", { mode: 0o600 });
    rmSync(probe);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC") return [full(dir, "not one byte is free")];
    const owner = existsSync(dir) ? `, it belongs to uid ${statSync(dir).uid}` : "";
    const remedy =
      code === "EROFS"
        ? "The file system is read-only: set DATA_DIR to a writable one."
        : code === "EACCES" || code === "EPERM"
          ? give
          : "Set DATA_DIR to a directory.";
    return [bad("DATA_DIR", `${dir} cannot be written by uid ${uid} (${code})${owner}`, remedy)];
  }
  return [ok("DATA_DIR", `${dir} is writable`), checkSpace(dir, spaceOf)];
}

/** A watched path must be there; whether it can be written is its owner's matter. */
export function checkWatched(path: string, spaceOf: (dir: string) => Space = spaceAt): Finding {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return bad("DISK_PATHS", `${path}: ${code}`, "Mount it into this container, or take it out of DISK_PATHS.");
  }
  return checkSpace(path, spaceOf);
}

function checkSpace(dir: string, spaceOf: (dir: string) => Space): Finding {
  const { freeBytes, sizeBytes } = spaceOf(dir);
  const says = `${mebibytes(freeBytes)} of ${mebibytes(sizeBytes)} MiB free at ${dir}`;
  const low = freeBytes < FREE_BYTES || (freeBytes < sizeBytes * FREE_RATIO && freeBytes < ENOUGH_BYTES);
  return low ? full(dir, says) : ok("disk", says);
}

const full = (dir: string, says: string): Finding =>
  bad("disk", says, `Free space on the disk of ${dir}: old images (\`docker system prune\`), logs, backups.`);

function spaceAt(dir: string): Space {
  const { bavail, blocks, bsize } = statfsSync(dir);
  return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
}

const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(0);

/** Why nobody can listen there; undefined: it is free. */
export const listenError = ({ host, port }: { host: string; port: number }): Promise<string | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });

/** Free, or held by our own process (`isOurs` asks it), or held by a stranger. */
export async function checkPort(
  setting: string,
  { host, port }: { host: string; port: number },
  isOurs: () => Promise<boolean>,
): Promise<Finding> {
  const code = await listenError({ host, port });
  if (code === undefined) return ok(setting, `${host}:${port} is free`);
  if (code === "EADDRINUSE" && (await isOurs())) return ok(setting, `${host}:${port} answers, it is already running`);
  if (code === "EADDRINUSE")
    return bad(
      setting,
      `${host}:${port} is in use by another program`,
      `End it (\`ss -ltnp | grep ${port}\` names it), or set ${setting} to a free port.`,
    );
  const name = setting.replace("PORT", "HOST");
  return bad(setting, `${host}:${port}: ${code}`, `Set ${name} to an address of this machine, and a port above 1023.`);
}

/** A `.env` that holds tokens is nobody else's to read. */
export function checkEnvFile(path: string): Finding[] {
  if (!existsSync(path)) return [];
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) === 0) return [];
  return [note(".env", `may be read by others (mode ${mode.toString(8)})`, `Run \`chmod 600 ${path}\`.`)];
}
