import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request } from "undici";

// Can the stand-in be the source of a load without being its limit? One process makes and serves the updates, this one
// only polls and confirms them.
const budgetPerSecond = 5_000;
const seconds = 3;

/** CPU seconds that a process has used; undefined off Linux. */
function cpuSeconds(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return undefined;
  }
}

async function measure(perSecond: number) {
  const main = new URL("../fake-telegram/main.ts", import.meta.url).pathname;
  const env = { PATH: process.env.PATH, FAKE_TELEGRAM_PORT: "0", FAKE_TELEGRAM_CONTROL_PORT: "0" };
  const child = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "inherit"] });
  const dispatcher = new Agent();
  try {
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const [, api, control] = /Bot API (\S+), chat page (\S+)/.exec(line.toString()) ?? [];
    const get = async (url: string): Promise<unknown> => (await request(url, { dispatcher })).body.json();
    const { bots } = (await get(`${control}/state`)) as { bots: { token: string }[] };
    const cpuBefore = cpuSeconds(child.pid!);
    await request(`${control}/load`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ perSecond, seconds, people: 200 }),
    }).then(({ body }) => body.dump());
    const startMs = performance.now();
    let received = 0;
    for (let offset = 0; received < perSecond * seconds;) {
      const url = `${api}/bot${bots[0]!.token}/getUpdates?timeout=5&offset=${offset}`;
      const { result } = (await get(url)) as { result: { update_id: number }[] };
      if (result.length === 0) throw new Error(`only ${received} of ${perSecond * seconds} updates came`);
      received += result.length;
      offset = result.at(-1)!.update_id + 1;
    }
    const elapsed = (performance.now() - startMs) / 1000;
    const cpu = cpuBefore === undefined ? undefined : cpuSeconds(child.pid!)! - cpuBefore;
    return { delivered: received / elapsed, cores: cpu === undefined ? undefined : cpu / elapsed };
  } finally {
    await dispatcher.destroy();
    child.kill();
    await once(child, "close");
  }
}

let met = true;
for (const perSecond of [budgetPerSecond, 4 * budgetPerSecond]) {
  const { delivered, cores } = await measure(perSecond);
  console.log(
    `asked for ${perSecond}/s: ${Math.round(delivered)} updates/s delivered and confirmed, by ${cores?.toFixed(2) ?? "?"} cores`,
  );
  if (perSecond === budgetPerSecond) met = delivered >= 0.97 * budgetPerSecond;
}
console.log(met ? `budget of ${budgetPerSecond}/s met` : `budget of ${budgetPerSecond}/s MISSED`);
process.exitCode = met ? 0 : 1;
