import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** What `init` found out. Undefined values are left out of `.env`. */
export interface Answers {
  BOT_TOKEN: string;
  ALERT_BOT_TOKEN: string | undefined;
  ALERT_CHAT_ID: string;
  ALERT_THREAD_ID: string | undefined;
  BOT_ADMINS: string;
  TELEGRAM_API_ROOT: string | undefined;
}

/** `.env` (0600) for `npm start` and compose's settings; other lines of an existing one stay. */
export function writeEnv(dir: string, answers: Answers): string {
  const path = join(dir, ".env");
  const file = existsSync(path) ? realpathSync(path) : path; // it may be a link to where the settings are kept
  const lines = existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
  for (const [name, value = ""] of Object.entries(answers) as [string, string | undefined][]) {
    const at = lines.findLastIndex((line) => line.startsWith(`${name}=`));
    if (at >= 0) lines[at] = `${name}=${value}`;
    else if (value !== "") lines.push(`${name}=${value}`);
  }
  const fresh = `${file}.new`;
  rmSync(fresh, { force: true });
  writeFileSync(fresh, `${lines.join("\n").trimStart()}\n`, { mode: 0o600 });
  renameSync(fresh, file);
  return path;
}

/**
 * Compose's secret files. Compose mounts them as they are, and the containers' user is not ours: so the files may be
 * read by all (0444) and the directory entered by nobody else (0700). Generated ones stay as they are.
 */
export function writeSecrets(dir: string, { BOT_TOKEN, ALERT_BOT_TOKEN }: Answers): string {
  const folder = join(dir, "secrets");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const write = (name: string, content: string): void => {
    const path = join(folder, name);
    rmSync(path, { force: true });
    writeFileSync(path, content, { mode: 0o444 });
    chmodSync(path, 0o444);
  };
  write("bot_token", BOT_TOKEN);
  write("alert_bot_token", ALERT_BOT_TOKEN ?? BOT_TOKEN);
  for (const name of ["api_token", "grafana_password"])
    if (!existsSync(join(folder, name))) write(name, randomBytes(24).toString("base64url"));
  return folder;
}
