/** The tables of the documentation, made from what they describe. */
import { globSync } from "node:fs";
import { basename } from "node:path";
import type { Setting } from "@gramwatch/otel";
import type { Figure } from "../../bench/figure.ts";
import { settings as bot } from "../../bot/config.ts";
import { span } from "../../sidecar/alerts/amounts.ts";
import { kebab, RULES } from "../../sidecar/alerts/rules.ts";
import { defaultThresholds } from "../../sidecar/alerts/thresholds.ts";
import { SIDECAR_SETTINGS as sidecar } from "../../sidecar/settings.ts";
import { limitsOf, oursOf, peerOf, verdictOf } from "../bench/table.ts";
import { read, root } from "./pages.ts";

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

export const settingTables = {
  "settings:bot": settingTable(bot),
  "settings:sidecar": settingTable(sidecar),
};

function settingTable(settings: Record<string, Setting<unknown>>): string {
  const rows = Object.entries(settings).map(([name, { fallback, secret, doc }]) => [
    secret ? `\`${name}\`, \`${name}_FILE\`` : `\`${name}\``,
    fallback ? `\`${fallback}\`` : "–",
    doc.replaceAll("|", "\\|"),
  ]);
  return table(["variable", "default", "meaning"], rows);
}

/** Names, severities and times are the code's; when a rule fires is the first sentence of its runbook. */
export function ruleTable(): string {
  const limits = defaultThresholds(300_000, { max: 10, windowMs: 3_600_000 });
  const rows = RULES.map(({ name, severity }) => {
    const { enabled, forMs, clearMs } = limits[name];
    const [, first = ""] = /^# .*\n\n(.*?[^.]\.)(?: |\n)/.exec(read(`docs/runbooks/${kebab(name)}.md`)) ?? [];
    return [
      `[${name}](runbooks/${kebab(name)}.md)`,
      severity,
      `${first}${enabled ? "" : " Off unless you turn it on."}`,
      forMs === 0 ? "–" : span(forMs),
      clearMs === 0 ? "–" : span(clearMs),
    ];
  });
  return table(["rule", "severity", "fires when", "holds", "over after"], rows);
}

/** Out of the bot's own answers to /help: what everybody is shown, and what only an admin is. */
export function botCommandTables(everyone: string, admins: string): Record<string, string> {
  const lines = everyone.split("\n");
  const only = admins.split("\n").filter((line) => !lines.includes(line));
  const rows = (shown: string[]) =>
    shown.map((line) => {
      const [command = "", summary = ""] = line.replaceAll("&lt;", "<").replaceAll("&gt;", ">").split(" – ");
      return [`\`${command}\``, summary];
    });
  return {
    "bot-commands:everyone": table(["you write", "it does"], rows(lines)),
    "bot-commands:admins": table(["you write", "it does"], rows(only)),
  };
}

interface Dashboard {
  title: string;
  uid: string;
  description: string;
}

export function dashboardTable(): string {
  const rows = globSync("grafana/dashboards/*.json", { cwd: root })
    .map((path) => JSON.parse(read(path)) as Dashboard)
    .toSorted((a, b) => ORDER.indexOf(a.uid) - ORDER.indexOf(b.uid))
    .map(({ title, uid, description }) => [`**${title.replace("Gramwatch / ", "")}**`, description, `\`${uid}\``]);
  return table(["dashboard", "answers", "uid"], rows);
}
const ORDER = ["overview", "trace", "telegram-api", "logs", "runtime", "sidecar", "pipeline"].map(
  (name) => `gramwatch-${name}`,
);

interface Result {
  date: string;
  revision: string;
  cpu: string;
  cores: number;
  loadAverage: number;
  node: string;
  figures: Figure[];
}

/** What the README shows of the scoreboard: the beginning of a figure's name, and the words for who knows no bench. */
const CHOSEN: [bench: string, figure: string, words: string][] = [
  ["overhead", "CPU per update, observed", "processor time for one update, observed"],
  ["overhead", "updates per second, observed", "updates a second, observed"],
  ["start", "start to first getUpdates, bundled", "from start to listening"],
  ["start", "RSS of bot + sidecar, idle", "memory of bot and sidecar, idle"],
  ["memory", "RSS slope of the bot", "growth of the bot's memory over 100,000 updates"],
  ["alert-time", "deciding tick to Telegram's 200, longest", "from decision to a delivered alert, the longest"],
  ["replay", "updates lost", "updates lost over a hundred kills"],
  ["images", "bot image, gzip", "the bot's image, to pull"],
  ["deploy", "nobody polls during scripts/update.sh", "nobody listens during an update"],
  ["replay", "handled twice without the mark", "updates handled twice without saying so"],
];
const VERDICTS = { ok: "✓", missed: "missed", FAILED: "**failed**", "–": "" };

/** By page: every figure in the documentation comes from bench/results, misses included. */
export function figureTables(): Record<string, Record<string, string>> {
  const results = Object.fromEntries(
    globSync("bench/results/*.json", { cwd: root })
      .toSorted()
      .map((path) => [basename(path, ".json"), JSON.parse(read(path)) as Result]),
  );
  // What needs a Docker Engine may not have been measured.
  const chosen = CHOSEN.filter(([bench]) => bench in results).map(([bench, beginning, words]) => {
    const figure = results[bench]?.figures.find(({ figure: name }) => name.startsWith(beginning));
    if (figure === undefined) throw new Error(`bench/results/${bench}.json has no figure that begins "${beginning}"`);
    return [words, oursOf(figure), limitsOf(figure).goal, peerOf(figure), VERDICTS[verdictOf(figure)]];
  });
  return {
    "README.md": { "figures:readme": table(["measured", "ours", "goal", "beside it", ""], chosen) },
    "docs/figures.md": {
      figures: Object.entries(results)
        .map(([name, result]) => board(name, result))
        .join("\n\n"),
    },
    "otel/README.md": { "figures:cost": costTable(results["overhead"]?.figures ?? []) },
  };
}

function board(name: string, { date, revision, cpu, cores, loadAverage, node, figures }: Result): string {
  const rows = figures.map((figure) => {
    const { goal, must } = limitsOf(figure);
    return [figure.figure, oursOf(figure), goal, must, peerOf(figure), VERDICTS[verdictOf(figure)]];
  });
  const day = date.slice(0, 10);
  const where = `${day}, revision ${revision}, ${cores} cores of ${cpu}, load average ${loadAverage}, Node ${node.slice(1)}.`;
  return `## ${name}\n\n${where}\n\n${table(["figure", "ours", "goal", "must", "beside it", ""], rows)}`;
}

/** The library's own page compares with a bare bot only. */
function costTable(figures: Figure[]): string {
  const cost = figures.filter(({ figure }) => figure.startsWith("CPU per update, "));
  const bare = cost[0]?.peer?.value ?? Number.NaN;
  const row = (words: string, micros: number) => [words, String(Math.round(micros)), (micros / bare).toFixed(2)];
  const words: Record<string, string> = {
    "bare on our transport": "bare grammY on `createTransport()`",
    observed: "observed, on `createTransport()`",
    "bare with default auto-instrumentation": "bare grammY with OpenTelemetry's default auto-instrumentation",
  };
  const rows = cost.map(({ figure, ours }) => {
    const name = figure.replace("CPU per update, ", "");
    return row(words[name] ?? name, ours);
  });
  return table(["bot", "µs", "ratio"], [row("bare grammY with its own HTTP client", bare), ...rows]);
}
