/**
 * Finds what commonly is wrong with a set-up and says what to do. Exit code 0: nothing; 1: something.
 *
 *   npm run doctor              configuration, token, chat, ports, disk, clock, webhook, second pollers
 *   npm run doctor -- --send    also a test alert through every channel of the running sidecar
 */
import { existsSync } from "node:fs";
import { defaultEnvFile, examine } from "./doctor/examine.ts";
import { written } from "./doctor/finding.ts";

const envFile = defaultEnvFile();
if (existsSync(envFile)) process.loadEnvFile(envFile); // what is set already wins
const part = process.env["GRAMWATCH_PART"];
// On one machine the bot is where `npm start` puts it.
if (part === undefined) process.env["BOT_URL"] ||= `http://127.0.0.1:${process.env["BOT_HTTP_PORT"]?.trim() || 8080}`;

const findings = await examine(process.env, {
  part,
  send: process.argv.includes("--send"),
  envFile,
  now: Date.now,
});
for (const finding of findings) console.log(written(finding));
const wrong = findings.filter(({ level }) => level === "bad").length;
console.log(wrong === 0 ? "\nAll is well." : `\n${wrong} to correct.`);
process.exitCode = wrong === 0 ? 0 : 1;
