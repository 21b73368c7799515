/** One thing that somebody was told about one incident. */
export interface Told {
  atMs: number;
  channel: "telegram" | "webhook";
  /** The incident's reference, such as `K7F2`. */
  incident: string;
  what: "firing" | "worse" | "repeat" | "resolved" | "missed";
  /** `bot: disconnected from Telegram` */
  title: string;
  /** What it says of why; empty where it says nothing (a digest). */
  cause: string;
  /** Says of itself that it may have been there before. */
  marked: boolean;
  /** The trace that it leads to. */
  traceId?: string;
}

const SINGLE = /^#(\w+) · (closed|msg (\d+)) · /m;
const DIGEST_LINE = /^(🔴|🟠|✅) (.+?), since .+? #(\w+)(?: · (.+))?$/gmu;
const CAUSE = /^(?:Cause: (.+)|(\d+ × .+))$/gm;

/** What a message in the alert chat says, read as a person would: from its words alone. */
export function readMessage(text: string, atMs: number): Told[] {
  const single = SINGLE.exec(text);
  const lines = text.split("\n");
  if (single === null) {
    return [...text.matchAll(DIGEST_LINE)].map(([, icon, title = "", incident = "", cause = ""]) => ({
      atMs,
      channel: "telegram",
      incident,
      what: icon === "✅" ? "resolved" : / was | had |over now/.test(title) ? "missed" : "firing",
      title,
      cause,
      marked: new RegExp(`↻ may repeat .*#${incident}\\b`).test(text),
    }));
  }
  const [, incident = "", state, nth] = single;
  const trace = /\b[0-9a-f]{32}\b/.exec(text)?.[0];
  const over = state === "closed";
  return [
    {
      atMs,
      channel: "telegram",
      incident,
      what: over ? (text.startsWith("🟠") ? "missed" : "resolved") : whatOf(text, Number(nth)),
      title: (lines[0] ?? "").replace(/^\S+ /, ""),
      cause: [...text.matchAll(CAUSE)].map(([, cause, error]) => cause ?? error).join("; ") || (lines[1] ?? ""),
      marked: text.includes(`↻ may repeat #${incident}`),
      ...(trace !== undefined && { traceId: trace }),
    },
  ];
}

const whatOf = (text: string, nth: number): Told["what"] =>
  text.includes("More severe than before") ? "worse" : nth > 1 ? "repeat" : "firing";

/** Alertmanager's webhook, version 4. */
interface Hook {
  status: "firing" | "resolved";
  alerts: {
    fingerprint: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
  }[];
}

export function readHook({ status, alerts }: Hook, atMs: number): Told[] {
  return alerts.map(({ fingerprint, labels, annotations }) => ({
    atMs,
    channel: "webhook",
    incident: fingerprint,
    what: status,
    title: annotations["summary"] ?? "",
    cause: labels["cause"] ?? "",
    marked: (annotations["description"] ?? "").includes("↻ may repeat"),
  }));
}
