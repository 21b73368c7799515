import type { Params } from "./params.ts";

/** A structured parameter, or undefined for junk: for those that Telegram skips when it cannot parse them. */
export function structured(params: Params, name: string): unknown {
  try {
    return params.json(name);
  } catch {
    return undefined;
  }
}
