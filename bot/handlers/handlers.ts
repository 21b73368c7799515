import type { DatabaseSync } from "node:sqlite";
import type { MiddlewareFn } from "grammy";
import { handledBy, type BotHealthState, type Log, type Transport } from "@gramwatch/otel";
import type { Clock } from "../clock.ts";
import type { BotConfig } from "../config.ts";
import type { BotContext } from "../context.ts";
import type { Outbound } from "../outbound/outbound.ts";
import { createSidecarClient } from "../sidecar-client.ts";
import type { ObservedCall } from "../storage/database.ts";
import type { MoveChat } from "../storage/move-chat.ts";
import { createTasks } from "../tasks.ts";
import type { Transcriber } from "../transcribe.ts";
import { adminCommands } from "./admin.ts";
import { createAlertButtons } from "./alert-buttons.ts";
import { basicCommands } from "./basics.ts";
import { boomCommand } from "./boom.ts";
import type { Command } from "./command.ts";
import { reminderCommands } from "./remind.ts";
import { createRoutes } from "./routes.ts";
import { taskCommands } from "./tasks.ts";
import { createVoiceHandler } from "./voice.ts";

export interface HandlersDeps {
  config: Pick<BotConfig, "admins" | "production" | "sidecar">;
  db: DatabaseSync;
  observed: ObservedCall;
  outbound: Outbound;
  /** A late message was put. */
  wake: () => void;
  moveChat: MoveChat;
  transcriber: Transcriber | undefined;
  transport: Pick<Transport, "download">;
  health: Pick<BotHealthState, "snapshot">;
  clock: Clock;
  log: Log;
}

/** Everything the bot can do: the routing, and the menu that the Telegram app shows. */
export function createHandlers(deps: HandlersDeps): {
  routes: MiddlewareFn<BotContext>;
  menu: { command: string; description: string }[];
} {
  const { config, clock, log } = deps;
  const isAdmin = (userId: number | undefined): boolean => userId !== undefined && config.admins.has(userId);
  const tasks = createTasks(deps.db, clock.now, deps.observed);
  const sidecar = createSidecarClient(config.sidecar);
  const status = () => {
    const { status, version, uptime_seconds, updates, errors } = deps.health.snapshot();
    return {
      status,
      version,
      uptimeSeconds: uptime_seconds,
      handled: updates.handled,
      failed: updates.failed,
      pending: updates.inbox_pending,
      errors: errors.total,
    };
  };
  const commands: Command[] = [
    ...basicCommands(() => commands, isAdmin),
    ...taskCommands(tasks),
    ...reminderCommands({ outbound: deps.outbound, wake: deps.wake, now: clock.now }),
    ...adminCommands({ sidecar, status }),
    ...(config.production ? [] : [boomCommand(tasks)]),
  ];
  return {
    routes: createRoutes({
      commands,
      isAdmin,
      named: handledBy,
      voice: createVoiceHandler({ transcriber: deps.transcriber, download: deps.transport.download }),
      migrated: async (ctx) => deps.moveChat(ctx.chat.id, ctx.message.migrate_to_chat_id),
      callback: createAlertButtons({ sidecar, isAdmin, log }),
    }).middleware(),
    menu: commands
      .filter(({ audience }) => audience === "everyone")
      .map(({ name, summary }) => ({ command: name, description: summary })),
  };
}
