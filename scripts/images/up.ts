import { startFakeTelegram } from "../../fake-telegram/mod.ts";
import type { FakeTelegram } from "../../fake-telegram/mod.ts";
import { buildImages, type Engine, importStack } from "./engine.ts";
import { freePorts, writeSecrets } from "./scene.ts";
import { createStack, openToContainers } from "./stack.ts";

export interface Up {
  telegram: FakeTelegram;
  stack: ReturnType<typeof createStack>;
  consolePort: number;
  grafanaPort: number;
  close(): Promise<void>;
}

/** The shipped stack, built, started and healthy, with the stand-in for Telegram on this machine behind it. */
export async function up(engine: Engine): Promise<Up> {
  await buildImages(engine);
  const telegram = await startFakeTelegram({ bots: ["shop", "alerts"] });
  telegram.say("hello", { bot: "alerts" });
  const secrets = writeSecrets(telegram);
  const door = await openToContainers(engine, telegram.port);
  const [consolePort = 0, grafanaPort = 0] = await freePorts(2);
  const stack = createStack(engine, {
    project: `gramwatch-test-${process.pid}`,
    telegram,
    telegramPort: door.port,
    secrets: secrets.dir,
    consolePort,
    grafanaPort,
  });
  const close = async (): Promise<void> => {
    await stack.remove();
    door.close();
    secrets.remove();
    await telegram.close();
  };
  try {
    const images = (await stack.compose("config", "--images")).split("\n");
    await importStack(
      engine,
      images.filter((image) => !image.startsWith("gramwatch/")),
    );
    await stack.compose("up", "--detach", "--wait", "--wait-timeout", "120", "--no-build", "--quiet-pull");
  } catch (error) {
    const said = await stack.compose("logs", "--tail", "20", "bot", "sidecar").catch(() => "");
    await close();
    throw new Error(`${(error as Error).message}\n${said}`, { cause: error });
  }
  return { telegram, stack, consolePort, grafanaPort, close };
}
