import { box, tree, type Trace } from "./tell.ts";
import type { World } from "./world.ts";

export interface StoryOptions {
  say: (line?: string) => void;
  disconnectedAfter: string;
  logFile: string;
  /** How long a reader gets for each part; 0: none. */
  pauseMs: number;
}

const ada = { id: 501, first_name: "Ada" };
const grace = { id: 502, first_name: "Grace" };
const linus = { id: 503, first_name: "Linus" };

/** Tells it while it happens. Each part waits for its facts and rejects when one does not come. */
export async function story(world: World, { say, disconnectedAfter, logFile, pauseMs }: StoryOptions): Promise<void> {
  let told = 0;
  /** The next message in the alert chat that matches, printed with all that came before it. */
  async function alert(what: string, pattern: RegExp): Promise<string> {
    for (;;) {
      const shown = await world.until(what, async () => (await world.alerts()).find((m) => m.message_id > told));
      told = shown.message_id;
      const text = shown.text ?? "";
      say(box("alert chat", text));
      if (pattern.test(text)) return text;
    }
  }
  async function dialogue(person: typeof ada, text: string): Promise<string> {
    const answer = (await world.says(person, text)) ?? "";
    say(`  ${person.first_name}: ${text}`);
    say(`    bot: ${answer.split("\n")[0]}`);
    return answer;
  }

  say("Starting the bot, the sidecar that watches it, and a Telegram to play with …");
  await world.until("the start", world.ready);
  await world.until("the console", () => world.api<object>("/api/status"));
  say(`\n  chat page  ${world.chat}/\n  console    ${world.console}/\n  logs       ${logFile}`);

  say("\n1. A day like any other");
  await dialogue(ada, "/start");
  await dialogue(ada, "/add buy tea");
  await dialogue(grace, "/add water the plants");
  await dialogue(linus, "/remind 20m stretch");
  await dialogue(grace, "/done 1");
  await world.traffic(pauseMs === 0 ? 5 : 60);
  say("  … and a dozen other people. Everything is well, so the alert chat is silent.");
  await world.pause(2 * pauseMs);

  say("\n2. A handler starts to fail");
  const polite = await dialogue(linus, "/boom");
  for (const person of [ada, grace, linus]) for (let n = 0; n < 4; n++) await world.says(person, "/boom", false);
  say("  More than 10 errors in the hour: one alert, not thirteen.");
  const errors = await alert("the alert about errors", /too many errors/);
  say(`  The whole incident: ${/https?:\S+\/incidents\/\S+/.exec(errors)?.[0] ?? world.console}`);
  await world.pause(2 * pauseMs);

  const reference = /\b[0-9a-f]{8}\b/.exec(polite)?.[0] ?? "";
  say(`\n3. Linus asks: "What happened to ${reference}?"`);
  const trace = await world.until("the trace", async () => {
    const found = await world.api<Trace>(`/api/traces/${reference}`);
    return found.logs.length > 0 && found.spans.length > 0 ? found : undefined;
  });
  say(tree(trace));
  say(`  In the browser: ${world.console}/requests/${reference}`);
  await world.pause(2 * pauseMs);

  say(`\n4. Telegram stops answering the bot (the rule waits 5 minutes; here ${disconnectedAfter})`);
  await world.breakTelegram();
  const since = await world.lastMessage(ada.id);
  await world.says(ada, "/add call the plumber", false);
  say("  Ada: /add call the plumber\n    bot: (nothing: it cannot hear her)");
  await alert("the disconnect", /disconnected/i);
  await world.pause(pauseMs);

  say("\n5. Telegram is back");
  await world.mendTelegram();
  const late = await world.answer(ada.id, since);
  say(`    bot to Ada, late but not lost: ${late}`);
  await alert("the recovery", /connected again/i);
  const { deliveries } = await world.api<{ deliveries: { state: string }[] }>("/api/deliveries");
  const sent = deliveries.filter(({ state }) => state === "sent").length;
  say(`\nThat was the story: ${sent} of ${deliveries.length} alert messages delivered, each once.`);
}
