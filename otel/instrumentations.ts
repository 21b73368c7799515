import { getNodeAutoInstrumentations } from "@opentelemetry/auto-instrumentations-node";

const BOT_PATH = /^\/(file\/)?bot/;

/**
 * The instrumentations that pay, unless `OTEL_NODE_ENABLED_INSTRUMENTATIONS` lists others. The configurations go in
 * whether or not the user turns an instrumentation on, so that opting in cannot leak a token. `enabled` is never
 * passed: it would beat `OTEL_NODE_DISABLED_INSTRUMENTATIONS`.
 */
export function createInstrumentations(
  telegramApiRoot: string | undefined,
): ReturnType<typeof getNodeAutoInstrumentations> {
  process.env["OTEL_NODE_ENABLED_INSTRUMENTATIONS"] ??= "undici,runtime-node";
  const host = URL.parse(telegramApiRoot ?? "https://api.telegram.org")?.host;
  const isTelegram = (origin: string | undefined, path: string | null | undefined): boolean =>
    BOT_PATH.test(path ?? "") || (origin !== undefined && origin === host);
  return getNodeAutoInstrumentations({
    "@opentelemetry/instrumentation-undici": {
      // Must not throw: a hook that throws counts as "not ignored". Hence also the last net in the exporter.
      ignoreRequestHook: (request) => isTelegram(URL.parse(request.origin)?.host, request.path),
      // Background checks make no traces.
      requireParentforSpans: true,
      startSpanHook: (request) => ({
        "url.full": `${request.origin}${request.path.split("?", 1)[0] ?? ""}`,
        "url.query": undefined,
      }),
    },
    // The default of 10 ms costs 11 ms CPU per second in an idle process, and its event loop delay is dropped anyway.
    "@opentelemetry/instrumentation-runtime-node": { monitoringPrecision: 1000 },
    "@opentelemetry/instrumentation-http": {
      disableIncomingRequestInstrumentation: true,
      ignoreOutgoingRequestHook: (request) =>
        isTelegram(
          request.port ? `${request.hostname ?? request.host ?? ""}:${request.port}` : (request.hostname ?? undefined),
          request.path,
        ),
    },
  });
}
