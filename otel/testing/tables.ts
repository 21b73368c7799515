/** The tables of the README, made from the sources that they describe. */
import { otelSettings } from "../config.ts";
import type { Metric } from "../names.ts";
import { attributes, events, foreignMetrics, logFields, metrics, spans } from "../names.ts";
import { promName } from "../prom-name.ts";

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
const code = (text: string): string => `\`${text}\``;
const codes = (texts: readonly string[]): string => texts.map(code).join(" ");

export const tables: Record<string, string> = {
  spans: table(
    ["span", "kind", "when", "attributes"],
    Object.values(spans).map(({ name, kind, about, attributes: carried }) => [code(name), kind, about, codes(carried)]),
  ),
  metrics: table(
    ["metric", "in Prometheus", "instrument", "labels", "by", "what"],
    Object.values<Metric>(metrics).map((metric) => [
      code(metric.name),
      code(promName(metric)),
      `${metric.observable ? "observable " : ""}${metric.kind} ${code(metric.unit)}`,
      codes(Object.keys(metric.labels ?? {})),
      metric.by.join(", "),
      metric.description,
    ]),
  ),
  "foreign metrics": table(
    ["metric", "in Prometheus", "instrument"],
    foreignMetrics.map((metric) => [code(metric.name), code(promName(metric)), `${metric.kind} ${code(metric.unit)}`]),
  ),
  attributes: table(
    ["attribute", "on spans", "on metrics", "on log records"],
    [...new Set<string>([...Object.values(attributes), ...logFields])].map((name) => [
      code(name),
      codes(
        Object.values(spans)
          .filter(({ attributes: carried }) => (carried as readonly string[]).includes(name))
          .map((span) => span.name),
      ),
      codes(
        Object.values<Metric>(metrics)
          .filter(({ labels }) => labels && name in labels)
          .map((metric) => metric.name),
      ),
      (logFields as readonly string[]).includes(name) || name.startsWith("exception.") ? "yes" : "",
    ]),
  ),
  events: codes(Object.values(events)),
  settings: table(
    ["variable", "default", "meaning"],
    Object.entries(otelSettings).map(([name, setting]) => [
      code(name),
      "fallback" in setting ? code(setting.fallback) : "none",
      setting.doc,
    ]),
  ),
};

/** The page with every `<!-- name -->` … `<!-- end -->` filled in anew. */
export const fill = (page: string): string =>
  page.replaceAll(/<!-- ([a-z ]+) -->\n[^]*?<!-- end -->/g, (whole, name: string) =>
    tables[name] === undefined ? whole : `<!-- ${name} -->\n\n${tables[name]}\n\n<!-- end -->`,
  );
