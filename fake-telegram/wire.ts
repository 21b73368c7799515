import type { ServerResponse } from "node:http";
import { htmlAnswer, refusalAnswer, resultAnswer, type Answer } from "./answer.ts";
import type { Clock } from "./clock.ts";
import type { Fault } from "./faults.ts";
import { flood, Refusal } from "./refusals.ts";

/** How an answer left: `broken` counts what a client cannot take for an answer. */
export type Sent = "answered" | "broken" | "hung";

export function sendAnswer(res: ServerResponse, { status, headers, body }: Answer): void {
  if (res.destroyed) return;
  res.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  res.end(body);
}

/** What the fault makes of a call; undefined: nothing that could be sent in one piece. */
export function spoiltAnswer(fault: Fault): Answer | undefined {
  if (fault.kind === "error") return refusalAnswer(new Refusal(fault.code, fault.description, fault.parameters));
  if (fault.kind === "flood") return refusalAnswer(flood(fault.retryAfterSeconds));
  if (fault.kind === "html") return htmlAnswer(fault.status ?? 502);
  return undefined;
}

/** Breaks the answer on the wire. `answer` undefined: the work was not done, and what is cut or dripped is made up. */
export function breakAnswer(fault: Fault, res: ServerResponse, answer: Answer | undefined, clock: Clock): Sent {
  const { socket } = res;
  if (!socket || res.destroyed) return "broken";
  const whole = answer ?? resultAnswer([]);
  const body = Buffer.from(whole.body);
  const head = { ...whole.headers, "content-length": body.length };
  const cut = (by: "rst" | "fin"): unknown => (by === "rst" ? socket.resetAndDestroy() : socket.destroySoon());
  switch (fault.kind) {
    case "hang":
      if (fault.headers) {
        res.writeHead(200, head);
        res.flushHeaders();
      }
      return "hung";
    case "reset":
      cut(fault.by ?? "rst");
      return "broken";
    case "truncate":
      res.writeHead(200, head);
      res.write(body.subarray(0, Math.ceil(body.length / 2)), () => cut(fault.by ?? "fin"));
      return "broken";
    case "drip":
      if (answer) {
        res.writeHead(whole.status, head);
        drip(res, body, 0, fault.pauseMs ?? 50, clock);
      } else {
        // Blanks before a JSON text are allowed, so this is a good answer that never comes.
        res.writeHead(200, whole.headers);
        drip(res, Buffer.from(" "), 0, fault.pauseMs ?? 50, clock, true);
      }
      return "broken";
    default:
      throw new Error(`${fault.kind} does not break an answer`);
  }
}

function drip(res: ServerResponse, bytes: Buffer, at: number, pauseMs: number, clock: Clock, forEver = false): void {
  if (res.destroyed) return;
  if (at >= bytes.length && !forEver) {
    res.end();
    return;
  }
  res.write(bytes.subarray(at % bytes.length, (at % bytes.length) + 1));
  const cancel = clock.after(pauseMs, () => {
    res.off("close", cancel);
    drip(res, bytes, at + 1, pauseMs, clock, forEver);
  });
  res.once("close", cancel);
}
