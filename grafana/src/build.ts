/** Writes `grafana/dashboards/*.json`. Never edit those by hand, never export them from Grafana. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { files } from "./dashboards.ts";

const folder = join(import.meta.dirname, "../dashboards");
mkdirSync(folder, { recursive: true });
for (const [name, content] of Object.entries(files())) writeFileSync(join(folder, name), content);
