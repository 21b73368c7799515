import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startTelemetry } from "./start.ts";
import { QUIET } from "./testing/rig.ts";

const folder = mkdtempSync(join(tmpdir(), "gramwatch-tls-"));
const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
// Of the system: no package of ours brings it.
const openssl = "openssl";
const made = spawnSync(openssl, [
  ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=collector".split(" "),
  ..."-addext subjectAltName=IP:127.0.0.1".split(" "),
  "-keyout",
  key,
  "-out",
  cert,
]);
const skip = made.status === 0 ? false : "no openssl to make a certificate with";

test("exports go to an https receiver that wants our certificate, and to no other", { skip }, async (t) => {
  const [certificate, secret] = [readFileSync(cert), readFileSync(key)];
  t.after(() => rmSync(folder, { recursive: true }));
  const options = { cert: certificate, key: secret, ca: certificate, requestCert: true };
  let accepted = 0;
  const server = createServer(options, (request, response) => {
    accepted++;
    request.resume().on("end", () => response.end());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const send = async (env: Record<string, string>) => {
    const telemetry = startTelemetry({
      serviceName: "bot",
      serviceVersion: "1",
      env: {
        ...QUIET,
        OTEL_EXPORTER_OTLP_ENDPOINT: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
        OTEL_METRICS_EXPORTER: "none",
        OTEL_LOGS_EXPORTER: "none",
        OTEL_EXPORTER_OTLP_TIMEOUT: "500",
        ...env,
      },
    });
    telemetry.tracer.startSpan("x").end();
    await telemetry.shutdown(3000);
    return telemetry.health();
  };

  const refused = await send({});
  assert.deepEqual([accepted, refused.dropped.spans], [0, 1]);
  assert.match(refused.last_export_error?.reason ?? "", /SELF_SIGNED/);
  const sent = await send({
    OTEL_EXPORTER_OTLP_CERTIFICATE: cert,
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: cert,
    OTEL_EXPORTER_OTLP_CLIENT_KEY: key,
  });
  assert.deepEqual([accepted, sent.dropped.spans], [1, 0]);
});
