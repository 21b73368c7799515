import type { Delivery } from "./exporters.ts";

/** `/health.telemetry` of the contract. */
export interface TelemetryHealth {
  enabled: boolean;
  /** Exporters are configured and what they tried last arrived. */
  exporting: boolean;
  /** Since the start. */
  dropped: { spans: number; logs: number };
  last_export_error: { at: string; signal: string; reason: string } | null;
}

/**
 * How exporting goes. Patience is two intervals of metrics: so long after the start nothing is known, and so long a
 * failure of traces or logs counts. An idle bot makes neither, and would stay failed after an outage that is over.
 */
export function isExporting(
  deliveries: readonly Delivery[],
  nowMs: number,
  startedMs: number,
  patienceMs: number,
): boolean {
  if (deliveries.length === 0) return false;
  if (nowMs - startedMs < patienceMs) return true;
  return deliveries.every(({ signal, lastOk, lastMs }) => {
    if (signal === "metrics") return lastOk === true;
    return lastOk !== false || nowMs - lastMs > patienceMs;
  });
}

export function latestError(deliveries: readonly Delivery[]): TelemetryHealth["last_export_error"] {
  let latest: TelemetryHealth["last_export_error"] = null;
  let latestAt = Number.NEGATIVE_INFINITY;
  for (const { signal, lastError } of deliveries) {
    if (lastError === undefined || lastError.atMs < latestAt) continue;
    latestAt = lastError.atMs;
    latest = { at: new Date(lastError.atMs).toISOString(), signal, reason: lastError.reason };
  }
  return latest;
}
