import assert from "node:assert/strict";
import { test } from "node:test";
import { BotError, GrammyError, HttpError } from "grammy";
import { HandlingError, countedAs, handlingReasonOf, reasonOf, reasonOfCode, statusLabel } from "./reason.ts";

const coded = (code: string, message = "x") => Object.assign(new Error(message), { code });
const refused = (error_code: number) =>
  new GrammyError("Call failed!", { ok: false, error_code, description: "no" }, "sendMessage", {});

test("a refused call is named by Telegram's code", () => {
  const table = [
    [400, "bad_request"],
    [401, "unauthorized"],
    [403, "forbidden"],
    [404, "unauthorized"],
    [409, "conflict"],
    [413, "bad_request"],
    [429, "flood"],
    [500, "server"],
    [502, "server"],
    [302, "_OTHER"],
  ] as const;
  for (const [code, reason] of table) {
    assert.equal(reasonOfCode(code), reason);
    assert.equal(reasonOf(refused(code)), reason);
  }
});

test("a call that nobody answered is named by the error's code, however deep", () => {
  const table = [
    ["ENOTFOUND", "dns"],
    ["EAI_AGAIN", "dns"],
    ["ECONNREFUSED", "connect"],
    ["UND_ERR_CONNECT_TIMEOUT", "connect"],
    ["CERT_HAS_EXPIRED", "tls"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "tls"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "tls"],
    ["ETIMEDOUT", "timeout"],
    ["ECONNRESET", "reset"],
    ["UND_ERR_SOCKET", "reset"],
    ["HPE_INVALID_CONSTANT", "protocol"],
    ["UND_ERR_ABORTED", "aborted"],
    ["EWHATEVER", "_OTHER"],
  ] as const;
  for (const [code, reason] of table) {
    assert.equal(reasonOf(coded(code)), reason, code);
    assert.equal(reasonOf(new HttpError("Network request failed!", coded(code))), reason, code);
    assert.equal(reasonOf(new TypeError("fetch failed", { cause: coded(code) })), reason, code);
  }
  assert.equal(reasonOf(new HttpError("failed", new AggregateError([coded("ECONNREFUSED"), coded("EX")]))), "connect");
});

test("what has no code is named by its class", () => {
  assert.equal(reasonOf(new DOMException("late", "TimeoutError")), "timeout");
  assert.equal(reasonOf(new DOMException("stop", "AbortError")), "aborted");
  assert.equal(reasonOf(new SyntaxError("not JSON")), "protocol");
  assert.equal(reasonOf(Object.assign(new SyntaxError("not JSON"), { status: 502 })), "server");
  assert.equal(reasonOf(new Error("Request to 'getMe' timed out after 500 seconds")), "timeout");
  assert.equal(reasonOf(new Error("a user wrote: ECONNREFUSED")), "_OTHER");
  for (const nothing of [undefined, null, "text", 7]) assert.equal(reasonOf(nothing), "_OTHER");
});

test("a chain of causes that bites its tail ends", () => {
  const loop = new Error("x") as Error & { cause?: unknown };
  loop.cause = loop;
  assert.equal(reasonOf(loop), "_OTHER");
  assert.equal(handlingReasonOf(loop), "handler");
});

test("a status is one of a closed set; without an answer there is none", () => {
  assert.equal(statusLabel(undefined), undefined);
  assert.equal(statusLabel(429), "429");
  assert.equal(statusLabel(418), "_OTHER");
});

test("how a handling failed is read from what was thrown out of it", () => {
  assert.equal(handlingReasonOf(new Error("bug")), "handler");
  assert.equal(handlingReasonOf("text"), "handler");
  assert.equal(handlingReasonOf(refused(400)), "reply");
  assert.equal(handlingReasonOf(new HttpError("x", coded("ECONNRESET"))), "reply");
  assert.equal(handlingReasonOf(new BotError(refused(403), {} as never)), "reply");
  assert.equal(handlingReasonOf(coded("ERR_SQLITE_ERROR")), "storage");
  assert.equal(handlingReasonOf(coded("UND_ERR_HEADERS_TIMEOUT")), "dependency");
  assert.equal(handlingReasonOf(new TypeError("fetch failed", { cause: coded("ECONNREFUSED") })), "dependency");
  assert.equal(handlingReasonOf(new DOMException("late", "TimeoutError")), "timeout");
  assert.equal(handlingReasonOf(new HandlingError("shutdown", "cut off")), "shutdown");
});

test("a timeout counts against the handler and a shutdown against nobody", () => {
  assert.equal(countedAs("timeout"), "handler");
  assert.equal(countedAs("shutdown"), undefined);
  assert.equal(countedAs("reply"), "reply");
});
