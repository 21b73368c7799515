import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import type { TelegramSample } from "./probe.ts";
import { systemClocks } from "./seen.ts";
import { telegramProbe } from "./telegram.ts";
import { listen, named, wayTo } from "./testing.ts";

const openssl = spawnSync("openssl", ["version"]).status === 0 ? false : "no openssl on this machine";
const dir = mkdtempSync(join(tmpdir(), "tls-"));
after(() => rmSync(dir, { recursive: true }));

/** A certificate of its own for api.example, valid for so many days from now; negative: expired. */
function certificate(name: string, days: number) {
  const file = (suffix: string) => join(dir, `${name}.${suffix}`);
  const run = (...args: string[]) => {
    const { status, stderr } = spawnSync("openssl", args, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
  };
  run(
    "req",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-subj",
    "/CN=api.example",
    "-keyout",
    file("key"),
    "-out",
    file("csr"),
    "-addext",
    "subjectAltName=DNS:api.example",
  );
  run(
    "x509",
    "-req",
    "-in",
    file("csr"),
    "-signkey",
    file("key"),
    "-days",
    String(days),
    "-out",
    file("pem"),
    "-copy_extensions",
    "copy",
  );
  return { key: readFileSync(file("key")), cert: readFileSync(file("pem")) };
}

async function look(t: TestContext, pair: ReturnType<typeof certificate>, host: string): Promise<TelegramSample> {
  const port = await listen(
    t,
    createServer(pair, (_, response) => void response.end("{}")),
  );
  const way = wayTo({ [host]: ["127.0.0.1"] });
  const deps = {
    name: () => "telegram",
    apiRoot: `https://${host}:${port}`,
    identity: named("bot"),
    way,
    clocks: systemClocks,
  };
  return (await telegramProbe(deps, 1000).run(AbortSignal.timeout(3000))) as TelegramSample;
}
const trust = (...pairs: ReturnType<typeof certificate>[]) =>
  setDefaultCACertificates([...getCACertificates("bundled"), ...pairs.map(({ cert }) => cert.toString())]);

test(
  "a certificate tells its end; an expired one, a wrong name and an unknown issuer fail at tls by name",
  { skip: openssl },
  async (t) => {
    const good = certificate("good", 30);
    const expired = certificate("expired", -1);
    const unknown = certificate("unknown", 30);
    trust(good, expired);
    const end = async (pair: typeof good, host: string) => {
      const failure = (await look(t, pair, host)).paths[0]?.failure;
      return [failure?.phase, failure?.code];
    };
    const { paths, certExpiresAtMs = 0 } = await look(t, good, "api.example");
    assert.ok((paths[0]?.tlsMs ?? 0) > 0 && paths[0]?.failure === undefined);
    const days = (certExpiresAtMs - Date.now()) / 86_400_000;
    assert.ok(days > 29 && days < 31, `${days} days`);
    assert.deepEqual(await end(expired, "api.example"), ["tls", "CERT_HAS_EXPIRED"]);
    assert.deepEqual(await end(good, "other.example"), ["tls", "ERR_TLS_CERT_ALTNAME_INVALID"]);
    const [phase, code] = await end(unknown, "api.example");
    assert.equal(phase, "tls");
    assert.match(code ?? "", /SELF_SIGNED|UNABLE_TO_VERIFY/);
  },
);
