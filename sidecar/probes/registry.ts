import type { SidecarConfig } from "../config.ts";
import { isPublic } from "../config.ts";
import { handlingProbe, healthProbe } from "./bot.ts";
import { controlProbe } from "./control.ts";
import { dependencyProbe } from "./dependency.ts";
import { diskProbe, type Disks, onePathPerDevice, systemDisks } from "./disk.ts";
import type { Identity } from "./identity.ts";
import { systemWay, type Way } from "./look.ts";
import type { Probe } from "./probe.ts";
import { type Clocks, systemClocks } from "./seen.ts";
import { telegramProbe, webhookProbe } from "./telegram.ts";

type Watched = Pick<
  SidecarConfig,
  "bots" | "rules" | "controlTargets" | "dependencies" | "diskPaths" | "dataDir" | "backup"
>;

/** What the probes reach the world through; tests replace it. */
interface Outside {
  way?: Way;
  clocks?: Clocks;
  disks?: Disks;
}

/** All probes of a configuration; `identities` are those of `config.bots`, in that order. */
export function createProbes(config: Watched, identities: Identity[], outside: Outside = {}): Probe[] {
  const { way = systemWay(5000), clocks = systemClocks, disks = systemDisks } = outside;
  const shortestMs = shortestThreshold(config);
  // So that a threshold of 3 s in a demo behaves as 5 min does; what is read once a minute stays five times rarer.
  const every = (defaultMs: number, floorMs = 250) =>
    Math.max(floorMs, Math.min(defaultMs, shortestMs / (defaultMs > 30_000 ? 5 : 10)));
  const bots = config.bots.flatMap((bot, at) => {
    const identity = identities[at];
    if (identity === undefined) return [];
    const name = (kind: string) => (config.bots.length > 1 ? `${kind}:${bot.name}` : kind);
    const deps = { ...bot, name, identity, way, clocks };
    const floorMs = isPublic(bot.apiRoot) ? 5000 : 250;
    return [
      ...(bot.url === undefined
        ? []
        : [
            healthProbe({ ...deps, url: bot.url }, every(5000)),
            handlingProbe({ ...deps, url: bot.url }, every(15_000)),
          ]),
      telegramProbe({ ...deps, ...(bot.token !== undefined && { token: bot.token }) }, every(15_000, floorMs)),
      ...(bot.token === undefined ? [] : [webhookProbe({ ...deps, token: bot.token }, every(60_000, floorMs))]),
    ];
  });
  const ownDirs = [...new Set([config.dataDir, config.backup.dir, ...config.diskPaths])];
  return [
    ...bots,
    ...config.controlTargets.map((target) => controlProbe(target, way, clocks, every(15_000, controlFloor(target)))),
    ...Object.entries(config.dependencies).map(([name, url]) => dependencyProbe(name, url, way, clocks, every(15_000))),
    ...onePathPerDevice(config.diskPaths).map((path) => diskProbe(path, ownDirs, disks, clocks, every(60_000))),
  ];
}

/** The shortest duration limit of any enabled rule: everything must be looked at often enough for it. */
export function shortestThreshold({ rules }: Pick<SidecarConfig, "rules">): number {
  return Math.min(...Object.values(rules).flatMap((rule) => (rule?.enabled === false ? [] : (rule?.after ?? []))));
}

const controlFloor = ({ host }: { host: string }): number => (/^(127\.|::1$|localhost$)/.test(host) ? 250 : 5000);
