/**
 * Writes `.env` (0600) and compose's secret files: asks for the token, checks it, finds the chat and the admin by
 * waiting for a message to the bot. Run it before the bot: it polls.
 *
 *   npm run init [-- --dir DIRECTORY]
 *   docker run --rm -it -v "$PWD:/out" -u "$(id -u)" IMAGE /app/init.mjs --dir /out
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { interview } from "./init/interview.ts";
import { openTerminal } from "./init/terminal.ts";
import { writeEnv, writeSecrets } from "./init/write.ts";

const { values } = parseArgs({ options: { dir: { type: "string", default: "." } } });
const dir = resolve(values.dir);
const envFile = join(dir, ".env");
if (existsSync(envFile)) process.loadEnvFile(envFile); // what is set already wins
const apiRoot = process.env["TELEGRAM_API_ROOT"]?.trim().replace(/\/+$/, "") || undefined;

const terminal = openTerminal(process.stdin, process.stdout);
try {
  const found = await interview(terminal, apiRoot ?? "https://api.telegram.org");
  const answers = { ...found, TELEGRAM_API_ROOT: apiRoot };
  terminal.say(`\nWritten: ${writeEnv(dir, answers)}, ${writeSecrets(dir, answers)}`);
  terminal.say(
    "Next: npm start, or docker compose -f docker-compose.prod.yml up -d. `npm run doctor` checks the set-up.",
  );
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  const readOnly = code === "EROFS" || code === "EACCES";
  terminal.say(`\n${message}${readOnly ? "\nGive --dir a directory that this user may write." : ""}`);
  process.exitCode = 1;
} finally {
  terminal.close();
}
