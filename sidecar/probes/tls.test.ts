import assert from "node:assert/strict";
import { test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { hasOpenssl, startFakeTelegram, type TlsKind } from "../../fake-telegram/mod.ts";
import { systemWay } from "./look.ts";
import type { TelegramSample } from "./probe.ts";
import { systemClocks } from "./seen.ts";
import { telegramProbe } from "./telegram.ts";
import { named } from "./testing.ts";

const skip = (await hasOpenssl()) ? false : "no openssl on this machine";

test("a certificate tells its end, and each way it can be wrong fails at tls by name", { skip }, async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  async function look(kind: TlsKind): Promise<TelegramSample> {
    const { url: apiRoot, ca } = await telegram.tls(kind);
    setDefaultCACertificates([...getCACertificates("bundled"), ...(ca === undefined ? [] : [ca])]);
    const way = systemWay(500);
    const { token } = telegram.bot("shop");
    const deps = { name: () => "telegram", apiRoot, token, identity: named("bot"), way, clocks: systemClocks };
    return (await telegramProbe(deps, 1000).run(AbortSignal.timeout(3000))) as TelegramSample;
  }
  const end = async (kind: TlsKind) => {
    const failure = (await look(kind)).paths[0]?.failure;
    return `${failure?.phase} ${failure?.code}`;
  };

  const { paths, getMe, certExpiresAtMs = 0 } = await look("good");
  assert.ok((paths[0]?.tlsMs ?? 0) > 0 && paths[0]?.failure === undefined && getMe?.ok);
  const days = (certExpiresAtMs - Date.now()) / 86_400_000;
  assert.ok(days > 1 && days < 3, `${days} days`);
  const { paths: byAddress } = await look("by_address");
  assert.equal(byAddress[0]?.failure, undefined);
  assert.equal(await end("expired"), "tls CERT_HAS_EXPIRED");
  assert.equal(await end("wrong_name"), "tls ERR_TLS_CERT_ALTNAME_INVALID");
  assert.equal(await end("unknown_issuer"), "tls UNABLE_TO_VERIFY_LEAF_SIGNATURE");
  assert.equal(await end("silent"), "tls ETIMEDOUT");
});
