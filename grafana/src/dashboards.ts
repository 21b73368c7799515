import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { logs } from "./dashboards/logs.ts";
import { overview } from "./dashboards/overview.ts";
import { pipeline } from "./dashboards/pipeline.ts";
import { runtime } from "./dashboards/runtime.ts";
import { sidecar } from "./dashboards/sidecar.ts";
import { telegramApi } from "./dashboards/telegram-api.ts";
import { trace } from "./dashboards/trace.ts";

/** File name → content of everything in `grafana/dashboards/`. */
export const files = (): Record<string, string> =>
  Object.fromEntries(
    [overview, telegramApi, runtime, sidecar, logs, trace, pipeline].map((dashboard: Dashboard) => [
      `${dashboard.uid}.json`,
      `${JSON.stringify(dashboard, null, 2)}\n`,
    ]),
  );
