import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { settings as botSettings } from "../bot/config.ts";
import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { SIDECAR_SETTINGS } from "../sidecar/settings.ts";
import { type Engine, findEngine, root } from "./images/engine.ts";
import { startRegistry } from "./images/registry.ts";
import { API_TOKEN, deafMs, eventually, story } from "./images/scene.ts";
import { createStack } from "./images/stack.ts";
import { up } from "./images/up.ts";

const found = await findEngine();
const skip = typeof found === "string" ? found : false;
const engine = found as Engine;

interface Service {
  image: string;
  environment?: Record<string, unknown>;
  ports?: string[];
  deploy: { resources: { limits: Record<string, unknown> } };
  [key: string]: unknown;
}
const shipped = parse(readFileSync(join(root, "docker-compose.prod.yml"), "utf8"), { merge: true }) as {
  services: Record<string, Service>;
};

/** Set by the image, or nothing that a container's user chooses. */
const OF_THE_IMAGE = /^(DATA_DIR|BACKUP_DIR|NODE_ENV|LOG_FORMAT|(BOT_HTTP|OTLP|CONSOLE)_(HOST|PORT))$/;

test("every setting of bot and sidecar can be given through compose, or belongs to the image", () => {
  for (const [name, settings] of Object.entries({ bot: botSettings, sidecar: SIDECAR_SETTINGS })) {
    const given = Object.keys(shipped.services[name]?.environment ?? {}).map((key) => key.replace(/_FILE$/, ""));
    const missing = Object.keys(settings).filter((key) => !given.includes(key) && !OF_THE_IMAGE.test(key));
    assert.deepEqual(missing, [], name);
  }
});

test("every service is hardened, limited and restarted; ports are published on loopback alone", () => {
  for (const [name, service] of Object.entries(shipped.services)) {
    assert.equal(service["read_only"], true, name);
    assert.deepEqual(service["cap_drop"], ["ALL"], name);
    assert.deepEqual(service["security_opt"], ["no-new-privileges:true"], name);
    assert.equal(service["restart"], "unless-stopped", name);
    assert.ok(service.deploy.resources.limits["memory"], name);
    assert.equal(service["depends_on"], undefined, `${name} starts and reports alone`);
    for (const port of service.ports ?? []) assert.match(port, /^127\.0\.0\.1:/, name);
    assert.match(service.image, /:[^:]*\d/, `${name} names a version`);
  }
});

test("what all may use fits: the full stack on 2 GB, the small one on 1 GB, beside the system; Go collects before it is cut off", () => {
  const megabytes = (size: unknown): number => Number(/^(\d+)Mi?B?$/.exec(String(size))?.[1]);
  const small = parse(readFileSync(join(root, "docker-compose.lite.yml"), "utf8"), {
    customTags: [{ tag: "!reset", resolve: () => null }],
  }) as { services: Record<string, Partial<Service> | null> };
  let full = 0;
  let lite = 0;
  for (const [name, { deploy, environment }] of Object.entries(shipped.services)) {
    const limit = megabytes(deploy.resources.limits["memory"]);
    full += limit;
    const changed = small.services[name];
    if (changed !== null) lite += changed?.deploy ? megabytes(changed.deploy.resources.limits["memory"]) : limit;
    const go = megabytes(environment?.["GOMEMLIMIT"] ?? "0M");
    assert.ok(go <= 0.81 * limit, `${name}: ${go} of ${limit}`);
  }
  assert.ok(full <= 1600, `full: ${full} MB`);
  assert.ok(lite <= 840, `lite: ${lite} MB`);
});

test("the full and the small stack are valid without any .env", { skip }, async () => {
  const prod = ["--file", "docker-compose.prod.yml"];
  const config = (...args: string[]) => engine.docker(["compose", "--env-file", "/dev/null", ...args]);
  await config(...prod, "config", "--quiet");
  const lite = await config(...prod, "--file", "docker-compose.lite.yml", "config", "--services");
  assert.deepEqual(lite.split("\n").toSorted(), ["bot", "grafana", "prometheus", "sidecar"]);
  const { services } = JSON.parse(await config(...prod, "config", "--format", "json")) as {
    services: Record<string, { image: string; pull_policy?: string }>;
  };
  const ours = Object.values(services).filter(({ image }) => image.includes("gramwatch/"));
  assert.deepEqual(
    ours.map(({ pull_policy: policy }) => policy),
    ["never", "never"],
    "a name on Docker Hub may be somebody else's",
  );
});

test("the links in alerts lead to the ports that are published", { skip }, async () => {
  const ports = { CONSOLE_PORT: "9001", GRAFANA_PORT: "9002" };
  const args = "compose --env-file /dev/null --file docker-compose.prod.yml config --format json".split(" ");
  const { services } = JSON.parse(await engine.docker(args, ports)) as typeof shipped;
  assert.equal(services["sidecar"]?.environment?.["CONSOLE_URL"], "http://127.0.0.1:9001");
  assert.equal(services["sidecar"]?.environment?.["GRAFANA_URL"], "http://127.0.0.1:9002");
});

interface Health {
  telemetry: { exporting: boolean; dropped: { spans: number; logs: number } };
}
interface Trace {
  name: string;
  started_at: string;
}

test("the whole stack", { skip, timeout: 178_000 }, async (t) => {
  const world = await up(engine);
  t.after(() => world.close());
  const { telegram, stack, consolePort } = world;
  const api = async (path: string) => {
    const headers = { authorization: `Bearer ${API_TOKEN}` };
    const response = await fetch(`http://127.0.0.1:${consolePort}/api/${path}`, { headers });
    return (await response.json()) as Record<string, unknown>;
  };

  await t.test("the story passes through every back end", async () => {
    assert.match(await story(telegram), /\S/);
    await eventually("the metric in Prometheus", async () => {
      const query = "sum(messaging_process_duration_seconds_count)";
      const { data } = JSON.parse(await stack.get(`http://prometheus:9090/api/v1/query?query=${query}`));
      return Number(data.result[0]?.value[1]) >= 1 || undefined;
    });
    await eventually("the log line in Loki", async () => {
      const query = encodeURIComponent('{service_name="bot"}');
      const { data } = JSON.parse(await stack.get(`http://loki:3100/loki/api/v1/query_range?query=${query}`));
      return data.result.length > 0 || undefined;
    });
    if (engine.standsIn)
      await eventually(
        "the trace in Jaeger",
        async () => /process message/.test(await stack.get("http://jaeger:16686/api/traces?service=bot")) || undefined,
      );
    await eventually(
      "the trace in the sidecar",
      async () => /process message/.test(JSON.stringify(await api("traces?service=bot"))) || undefined,
    );
  });

  await t.test("the doctor in both containers finds nothing to correct, and its test alert arrives", async () => {
    const doctor = (service: string, ...args: string[]) =>
      stack.compose("exec", "--no-TTY", service, "/nodejs/bin/node", "/app/doctor.mjs", ...args);
    assert.match(await doctor("bot"), /✓ BOT_TOKEN +@shop_bot[^]*All is well\./);
    const arrives = telegram.called("sendMessage", { bot: "alerts", timeoutMs: 30_000 });
    assert.match(await doctor("sidecar", "--send"), /✓ polling[^]*✓ test alert +telegram: sent[^]*All is well\./);
    assert.equal((await arrives).params["chat_id"], 4242);
  });

  await t.test("no service's restart loses an update", async (t) => {
    const services = (await stack.compose("ps", "--services")).split("\n");
    assert.ok(services.length >= 6, String(services));
    const begun = Date.now();
    for (const service of services) {
      const [answer] = await Promise.all([story(telegram, `/ping ${service}`), stack.compose("restart", service)]);
      assert.match(answer, /\S/, service);
    }
    const asked = telegram.messages(4242, "shop").filter(({ text }) => text?.startsWith("/ping"));
    const answered = telegram.messages(4242, "shop").filter(({ from, text }) => from?.is_bot && text !== undefined);
    assert.equal(asked.length, services.length);
    assert.equal(answered.length, services.length + 1, "one answer each, and one to /start");
    t.diagnostic(`while the bot was restarted nobody polled for ${deafMs(telegram, begun)} ms`);
  });

  await t.test("what a Collector that is away does not take is lost, and counted to the span", async (t) => {
    const begun = Date.now();
    const health = async () => JSON.parse(await stack.get("http://bot:8080/health")) as Health;
    const before = (await health()).telemetry.dropped.spans;
    const stored = async () => {
      const { traces } = (await api("traces?service=bot&limit=200")) as { traces: Trace[] };
      return traces.filter((trace) => Date.parse(trace.started_at) >= begun && trace.name === "process message");
    };
    await stack.compose("stop", "collector");
    for (const word of ["one", "two", "three"])
      assert.match(await story(telegram, `/ping ${word}`), /\S/, "it answers");
    await eventually("the count", async () => (await health()).telemetry.dropped.spans > before || undefined);
    await stack.compose("start", "collector");
    await eventually("a trace again", async () => {
      await story(telegram, "/ping again");
      return (await stored()).length > 0 || undefined;
    });
    const asked = telegram
      .messages(4242, "shop")
      .filter(({ from, date, text }) => !from?.is_bot && date * 1000 >= begun - 1000 && text?.startsWith("/ping"));
    const { dropped } = (await health()).telemetry;
    t.diagnostic(
      `${asked.length} asked, ${(await stored()).length} traces stored, ${dropped.spans - before} spans lost`,
    );
    // Also a loss of its own log lines would show here: nothing but the Collector was away.
    assert.ok(
      asked.length - (await stored()).length <= dropped.spans - before,
      "no trace is missing that is not counted",
    );
  });

  await t.test(
    "a killed bot is reported, through a restart of the sidecar; it comes back, and that is told",
    async () => {
      const chat = () => telegram.messages(4242, "alerts").map(({ text }) => text ?? "");
      const firing = async () => {
        const { alerts } = (await api("alerts?state=firing")) as { alerts: { id: string; rule: string }[] };
        return alerts.find(({ rule }) => /^TelegramBot(Down|Disconnected)$/.test(rule));
      };
      await eventually("quiet after the restarts", async () => ((await firing()) === undefined ? true : undefined));
      await stack.compose("kill", "bot");
      await stack.compose("restart", "sidecar");
      const { id } = await eventually("the alert", firing);
      await eventually("its message", async () => chat().some((text) => text.includes(`#${id} · msg`)) || undefined);
      await stack.compose("up", "--detach", "--no-build", "bot");
      await eventually("its end", async () => chat().some((text) => text.includes(`#${id} · closed`)) || undefined);
      assert.match(await story(telegram, "/ping again"), /\S/);
    },
  );

  await t.test("a crashed bot is started again by the engine", async (t) => {
    const name = await stack.compose("ps", "--format", "{{.Name}}", "bot");
    const pid = Number(await engine.docker(["inspect", "--format", "{{.State.Pid}}", name]));
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      return t.skip("user side: only root may kill a container's process from outside");
    }
    assert.match(await story(telegram, "/ping after the crash"), /\S/);
    assert.equal(await engine.docker(["inspect", "--format", "{{.RestartCount}}", name]), "1");
  });

  await t.test("the small stack takes its place: metrics straight to Prometheus, traces to the sidecar", async () => {
    await stack.lite("up", "--detach", "--wait", "--wait-timeout", "60", "--no-build", "--remove-orphans");
    assert.match(await story(telegram, "/ping lite"), /\S/);
    const { instance } = JSON.parse(await stack.get("http://bot:8080/health"));
    await eventually("the metric in Prometheus", async () => {
      const query = encodeURIComponent(`messaging_process_duration_seconds_count{instance="${instance}"}`);
      const { data } = JSON.parse(await stack.get(`http://prometheus:9090/api/v1/query?query=${query}`));
      return data.result.length > 0 || undefined;
    });
    await eventually("the trace in the sidecar", async () => {
      const found = JSON.stringify(await api("traces?service=bot&limit=5"));
      return (/process message/.test(found) && /\/ping lite|ping/.test(found)) || undefined;
    });
  });

  const image = async () => {
    const [container = ""] = (await stack.lite("ps", "--quiet", "bot")).split("\n");
    return engine.docker(["inspect", "--format", "{{.Config.Image}} {{.Image}}", container]);
  };
  await t.test("update.sh pulls from a registry; what is not there changes nothing", async (t) => {
    const registry = await startRegistry(t, engine);
    if (registry === undefined) return t.skip("user side: no docker-registry on PATH");
    const names = ["bot", "sidecar"].map((target) => `gramwatch/${target}`);
    for (const name of names) {
      await engine.docker(["tag", `${name}:test`, `${registry}${name}:pulled`]);
      await engine.docker(["push", "--quiet", `${registry}${name}:pulled`]);
      await engine.docker(["image", "rm", `${registry}${name}:pulled`]);
    }
    const pulled = await stack.update("pulled", { registry });
    assert.equal(pulled.code, 0, pulled.stderr);
    const running = await image();
    assert.match(running, new RegExp(`^${registry}gramwatch/bot:pulled `));
    const missing = await stack.update("never-pushed", { registry });
    assert.equal(missing.code, 1, missing.stderr);
    assert.match(missing.stderr, /not found[^]*Nothing is changed\./);
    assert.equal(await image(), running);
    assert.match(await story(telegram, "/ping after what could not be pulled"), /\S/);
    for (const name of names) await engine.attempt(["image", "rm", "--force", `${registry}${name}:pulled`]);
  });

  await t.test(
    "update.sh backs up and brings the next version, and takes a broken one back; the backup can be restored",
    async (t) => {
      const begun = Date.now();
      const good = await stack.update("next");
      t.diagnostic(`during the update nobody polled for ${deafMs(telegram, begun)} ms`);
      assert.equal(good.code, 0, good.stderr);
      assert.match(good.stdout, /bot\.db: backed up to \/data\/backups and verified/);
      assert.match(good.stdout, /state\.db: backed up to \/data\/backups and verified/);
      assert.match(await image(), /^gramwatch\/bot:next /);
      const before = await image();
      const bad = await stack.update("broken", { broken: 'CMD ["-e", "process.exit(3)"]' });
      assert.equal(bad.code, 1);
      assert.match(bad.stderr, /The new version is not healthy:[^]*Going back to the old one/);
      assert.equal(await image(), before);
      assert.match(await story(telegram, "/ping after going back"), /\S/);

      const restore = () =>
        engine.attempt([...stack.arguments, "run", "--rm", "--no-TTY", "bot", "/app/restore.mjs"], stack.env);
      const refused = await restore();
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /The bot is running: stop it first/);
      await stack.lite("stop", "bot");
      const restored = await restore();
      assert.match(restored.stdout, /bot\.db is now bot-\d{8}T\d{6}Z\.db; the old one: /, restored.stderr);
      await stack.lite("start", "bot");
      assert.match(await story(telegram, "/ping after the restore"), /\S/);

      for (const tag of ["next", "broken"])
        for (const target of ["bot", "sidecar"])
          await engine.attempt(["image", "rm", "--force", `gramwatch/${target}:${tag}`]);
    },
  );
});

test("a secret file that is missing is named", { skip }, async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop", "alerts"] });
  const options = {
    project: `gramwatch-bare-${process.pid}`,
    telegram,
    telegramPort: 1,
    consolePort: 0,
    grafanaPort: 0,
  };
  const stack = createStack(engine, { ...options, secrets: "/nowhere" });
  t.after(async () => {
    await stack.remove();
    await telegram.close();
  });
  await assert.rejects(stack.compose("create", "--no-build", "bot"), /path does not exist: \/nowhere\/(bot|api)_token/);
});
