import { createTelegramChannel } from "../channels/telegram.ts";
import { createRig, dependencySample, fakeClock } from "./testing.ts";

/**
 * A sidecar in a process of its own, for tests that end it with SIGKILL where they want: `committed` after the firing
 * was committed, `accepted` after Telegram's 200 was read and before that is written.
 */
const [dir = "", apiRoot = "", token = "", chatId = "", point = ""] = process.argv.slice(2);

const die = () => process.kill(process.pid, "SIGKILL");
const real = createTelegramChannel({ apiRoots: [apiRoot], token, chatId: Number(chatId) });
const channel = {
  ...real,
  async send(...args: Parameters<typeof real.send>) {
    const answer = await real.send(...args);
    if (point === "accepted") die();
    return answer;
  },
};
const rig = createRig({ dir, channels: [channel], clock: fakeClock() });
const down = () => [dependencySample(rig.at(), true)];
for (let step = 0; step < 30; step++) {
  rig.clock.advance(5000);
  rig.observe(...down());
  rig.engine.tick();
  if (point === "committed" && rig.rows().length > 0) die();
  await rig.sender.pump();
}
