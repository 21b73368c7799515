/** `bad` makes the doctor's exit code 1; `note` is worth knowing. */
export type Finding =
  | { level: "ok"; about: string; says: string }
  | { level: "bad" | "note"; about: string; says: string; remedy: string };

export const ok = (about: string, says: string): Finding => ({ level: "ok", about, says });
export const bad = (about: string, says: string, remedy: string): Finding => ({ level: "bad", about, says, remedy });
export const note = (about: string, says: string, remedy: string): Finding => ({ level: "note", about, says, remedy });

const MARKS = { ok: "✓", bad: "✗", note: "!" };

/** One line, and what to do on the next. */
export function written(finding: Finding): string {
  const line = `${MARKS[finding.level]} ${finding.about.padEnd(14)} ${finding.says}`;
  return finding.level === "ok" ? line : `${line}\n    → ${finding.remedy}`;
}
