interface Span {
  name: string;
  duration_ms: number;
  error: string | null;
  attributes: Record<string, unknown>;
  children: Span[];
}

/** What `GET /api/traces/:ref` answers, as far as it is shown here. */
export interface Trace {
  trace_id: string;
  spans: Span[];
  logs: { severity: string; body: string; attributes: Record<string, unknown> }[];
}

/** A message with a line beside it, so that it stands out from the story. */
export function box(title: string, text: string): string {
  const lines = text.split("\n").map((line) => `  │ ${line}`);
  return [`  ┌ ${title}`, ...lines, "  └"].join("\n");
}

/** The spans as a tree, then the log lines of the trace. */
export function tree({ trace_id, spans, logs }: Trace): string {
  const lines = [`  trace ${trace_id}`];
  const add = (span: Span, indent: string, last: boolean): void => {
    const code = span.attributes["rpc.status_code"];
    const outcome = span.error ? `✗ ${span.error}` : typeof code === "string" ? code : "";
    lines.push(
      `  ${indent}${last ? "└─" : "├─"} ${span.name}  ${span.duration_ms.toFixed(1)} ms  ${outcome}`.trimEnd(),
    );
    for (const [index, child] of span.children.entries())
      add(child, `${indent}${last ? "   " : "│  "}`, index === span.children.length - 1);
  };
  for (const [index, span] of spans.entries()) add(span, "", index === spans.length - 1);
  for (const { severity, body, attributes } of logs) {
    const message = attributes["exception.message"];
    lines.push(`  ${severity.toLowerCase()}: ${body}${typeof message === "string" ? ` (${message})` : ""}`);
  }
  return lines.join("\n");
}
