import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "undici";
import { report, short } from "./figure.ts";
import { cpuSeconds } from "./process.ts";

// Can the stand-in be the source of a load without being its limit? One process makes and serves the updates, this one
// only polls and confirms them.
const budgetPerSecond = 5_000;
const seconds = short ? 1 : 3;

/** undefined off Linux. */
const cpuOf = (pid: number): number | undefined => (process.platform === "linux" ? cpuSeconds(pid) : undefined);

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
    const cpuBefore = cpuOf(child.pid!);
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
    const cpu = cpuBefore === undefined ? undefined : cpuOf(child.pid!)! - cpuBefore;
    return { delivered: received / elapsed, cores: cpu === undefined ? undefined : cpu / elapsed };
  } finally {
    await dispatcher.destroy();
    child.kill();
    await once(child, "close");
  }
}

for (const perSecond of [budgetPerSecond, 4 * budgetPerSecond]) {
  const { delivered, cores } = await measure(perSecond);
  const budget = perSecond === budgetPerSecond ? { goal: 0.97 * budgetPerSecond } : {};
  report({
    figure: `fake-telegram: updates delivered and confirmed, ${perSecond}/s asked`,
    unit: "1/s",
    better: "higher",
    ours: delivered,
    ...budget,
  });
  if (cores !== undefined)
    report({ figure: `fake-telegram: cores for that, ${perSecond}/s asked`, unit: "cores", ours: cores });
}
