import { diag } from "@opentelemetry/api";

/**
 * Wraps what telemetry does on the bot's path: it never throws there. The first failure is reported, the rest are
 * silent: what breaks once per update would otherwise fill the log.
 */
export function createSafely(where: string) {
  let said = false;
  return function safely<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!said) diag.error(`${where} failed; the bot goes on`, error);
      said = true;
      return undefined;
    }
  };
}
