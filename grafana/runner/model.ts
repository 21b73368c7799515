import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The parts of Grafana's dashboard JSON (v1) that the runner and the lint read. */
export interface Dashboard {
  uid: string;
  title: string;
  tags: string[];
  schemaVersion: number;
  editable: boolean;
  refresh: string;
  panels: Panel[];
  links: Link[];
  templating: { list: Variable[] };
  annotations: { list: Annotation[] };
}
export interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { type: string; uid: string };
  targets?: Target[];
  links?: Link[];
  options?: { content?: string; datasource?: string; legend?: { displayMode: string; calcs: string[] } };
  transformations?: Transformation[];
  fieldConfig?: {
    defaults: {
      unit?: string;
      noValue?: string;
      mappings?: { options: Record<string, { text: string }> }[];
      links?: Link[];
    };
    overrides: { matcher: { id: string; options: string }; properties: { id: string; value: unknown }[] }[];
  };
}
export interface Target {
  refId: string;
  datasource: { type: string; uid: string };
  expr?: string;
  query?: string;
  queryType?: string;
  tableType?: string;
  instant?: boolean;
  format?: string;
  legendFormat?: string;
  limit?: number;
  spss?: number;
}
export interface Transformation {
  id: string;
  options: {
    excludeByName?: Record<string, boolean>;
    renameByName?: Record<string, string>;
    include?: { names: string[] };
  };
}
export interface Link {
  title: string;
  url?: string;
  type?: string;
  tags?: string[];
}
export interface Variable {
  name: string;
  type: string;
  query: string | { query: string };
  multi?: boolean;
  includeAll?: boolean;
  allValue?: string;
  /** 2: whenever the time range changes. */
  refresh?: number;
  current: { value: string | string[] };
}
export interface Annotation {
  name: string;
  datasource: { type: string; uid: string };
  expr?: string;
  titleFormat?: string;
}

/** Every committed dashboard, as Grafana would load it. */
export const readDashboards = (folder = join(import.meta.dirname, "../dashboards")): Dashboard[] =>
  globSync("*.json", { cwd: folder }).map(
    (name) => ({ links: [], ...JSON.parse(readFileSync(join(folder, name), "utf8")) }) as Dashboard,
  );

/** Only where a panel's description ends so may its queries find nothing. */
export const emptyIsGood = (panel: Panel): boolean => panel.description?.endsWith("Empty is good.") ?? false;

/** The links of a panel: its own, those of all fields, those of one column (`column`: as the panel calls it). */
export function linksOf(panel: Panel): (Link & { column?: string })[] {
  const overrides = panel.fieldConfig?.overrides ?? [];
  return [
    ...(panel.links ?? []),
    ...(panel.fieldConfig?.defaults.links ?? []),
    ...overrides.flatMap(({ matcher, properties }) =>
      properties
        .filter(({ id }) => id === "links")
        .flatMap(({ value }) => (value as Link[]).map((link) => ({ ...link, column: matcher.options }))),
    ),
  ];
}
