import { serveControl, startFakeTelegram, you } from "./mod.ts";

/** The chat that the demo's alerts go to; the bots are in it from the start. */
const alertChat = { id: -100_200_300, title: "Alerts" };

// A bot remembers which updates it has handled: after a restart of ours the ids must go on, not begin anew.
const firstUpdateId = Math.floor(Date.now() / 1000);

function portOf(name: string, byDefault: number): number {
  const value = Number(process.env[name] || byDefault);
  if (Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
  throw Object.assign(new Error(`${name}: "${process.env[name]}" is not a port (0 to 65535)`), { exitCode: 78 });
}

async function run(): Promise<void> {
  const apiPort = portOf("FAKE_TELEGRAM_PORT", 8081);
  const controlPort = portOf("FAKE_TELEGRAM_CONTROL_PORT", 8082);
  const telegram = await startFakeTelegram({ port: apiPort, bots: ["shop", "alerts"], openDoor: true, firstUpdateId });
  const control = await serveControl(telegram, { port: controlPort });
  telegram.person(you);
  telegram.group(alertChat);

  let stopping = false;
  function stop(): void {
    if (stopping) process.exit(1);
    stopping = true;
    Promise.all([control.close(), telegram.close()]).then(
      () => process.exit(0),
      () => process.exit(1),
    );
  }
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  console.log(`fake-telegram: Bot API ${telegram.url}, chat page ${control.url}`);
}

run().catch((error: Error & { code?: string; port?: number; exitCode?: number }) => {
  const inUse = `port ${error.port} is in use; set FAKE_TELEGRAM_PORT or FAKE_TELEGRAM_CONTROL_PORT`;
  console.error(`fake-telegram: ${error.code === "EADDRINUSE" ? inUse : error.message}`);
  process.exit(error.exitCode ?? 1);
});
