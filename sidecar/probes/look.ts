import type { LookupAddress } from "node:dns";
import { type IncomingMessage, request } from "node:http";
import { connect, isIP, type Socket, type TcpNetConnectOpts } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { addressesOf, redact } from "@gramwatch/otel";
import type { Failure, Phase } from "./probe.ts";

/** Every address of a name, in the order to try; rejects with Node's DNS codes. */
export type Lookup = (host: string) => Promise<LookupAddress[]>;

/** What a look at the network needs from outside; tests give other addresses and a shorter patience. */
export interface Way {
  lookup: Lookup;
  connect: (to: TcpNetConnectOpts) => Socket;
  /** Monotonic milliseconds. */
  now: () => number;
  /** One phase's deadline; the caller's signal bounds the whole. */
  phaseTimeoutMs: number;
}

/** The machine's own resolver (getaddrinfo, as every client of ours uses it), IPv4 first. */
export const systemWay = (phaseTimeoutMs: number): Way => ({
  lookup: (host) => addressesOf(host, { order: "ipv4first" }),
  connect,
  now: () => performance.now(),
  phaseTimeoutMs,
});

/** How long each phase took, as far as the look came. */
export interface Phases {
  dnsMs?: number;
  tcpMs?: number;
  tlsMs?: number;
  ttfbMs?: number;
}

/** A failed phase, thrown inside this folder and turned into part of a sample at its rim. */
export class PhaseError extends Error {
  readonly failure: Failure;
  constructor(phase: Phase, error: unknown) {
    const { code, message } = error as NodeJS.ErrnoException;
    super(`${phase}: ${message}`);
    this.name = "PhaseError";
    this.failure = { phase, code: code ?? "UNKNOWN", message: redact(message) };
  }
}

/** The failure that a look ended with; what is not a failed phase is a mistake of ours and is thrown on. */
export function failureOf(error: unknown): Failure {
  if (error instanceof PhaseError) return error.failure;
  throw error;
}

/** The addresses of a host; an address needs no resolver and takes no time. */
export async function resolve(host: string, way: Way, signal: AbortSignal): Promise<[LookupAddress[], number?]> {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const family = isIP(bare);
  if (family !== 0) return [[{ address: bare, family }]];
  const began = way.now();
  const found = await phase("dns", way, signal, async () => way.lookup(bare));
  return [found, way.now() - began];
}

/** A fresh TCP connection, and its TLS session for https. The caller destroys it. */
export async function open(
  url: URL,
  { address, family }: LookupAddress,
  way: Way,
  signal: AbortSignal,
  phases: Phases,
): Promise<Socket> {
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const socket = way.connect({ host: address, port, family });
  socket.on("error", () => {}); // a late error after the look has ended must not end the process
  try {
    phases.tcpMs = await timed(way, () => phase("tcp", way, signal, () => settled(socket, "connect")));
    if (url.protocol !== "https:") return socket;
    // `host` as well: with neither, the certificate of an address would have to be that of "localhost".
    const secure = connectTls({ socket, host, ...(isIP(host) === 0 && { servername: host }) });
    secure.on("error", () => {});
    phases.tlsMs = await timed(way, () => phase("tls", way, signal, () => settled(secure, "secureConnect")));
    return secure;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** One GET over an open socket; the body is read to `maxBytes` and then cut. */
export async function ask(
  url: URL,
  socket: Socket,
  way: Way,
  signal: AbortSignal,
  phases: Phases,
  maxBytes = 4 * 1024 * 1024,
): Promise<{ status: number; body: string }> {
  const call = request({
    path: url.pathname + url.search,
    headers: { host: url.host, connection: "close" },
    createConnection: () => socket,
  });
  call.on("error", () => {}); // those after the first one have nobody else
  const began = way.now();
  const response = await phase("ttfb", way, signal, () => {
    call.end();
    return new Promise<IncomingMessage>((resolve, reject) => call.once("response", resolve).once("error", reject));
  });
  phases.ttfbMs = way.now() - began;
  const body = await phase("body", way, signal, () => readText(response, maxBytes));
  return { status: response.statusCode ?? 0, body };
}

/**
 * GET over a fresh connection to the first address that takes one: what a client would see.
 * @throws PhaseError of the last address tried
 */
export async function look(
  url: URL,
  way: Way,
  signal: AbortSignal,
): Promise<{ status: number; body: string; phases: Phases }> {
  const [addresses, dnsMs] = await resolve(url.hostname, way, signal);
  let last: unknown;
  for (const address of addresses) {
    const phases: Phases = dnsMs === undefined ? {} : { dnsMs };
    let socket: Socket | undefined;
    try {
      socket = await open(url, address, way, signal, phases);
      return { ...(await ask(url, socket, way, signal, phases)), phases };
    } catch (error) {
      if (socket !== undefined || signal.aborted) throw error; // it connected: another address would not be another story
      last = error;
    } finally {
      socket?.destroy();
    }
  }
  throw last ?? new PhaseError("dns", noAddress(url.hostname));
}

/** Unix milliseconds at which the peer's certificate expires. */
export function certExpiry(socket: Socket): number | undefined {
  if (!("getPeerCertificate" in socket)) return undefined;
  const until = Date.parse((socket as TLSSocket).getPeerCertificate().valid_to);
  return Number.isNaN(until) ? undefined : until;
}

const noAddress = (host: string) => Object.assign(new Error(`no address for ${host}`), { code: "ENODATA" });

async function timed(way: Way, work: () => Promise<unknown>): Promise<number> {
  const began = way.now();
  await work();
  return way.now() - began;
}

/** Runs one phase under its own deadline and the caller's; what was started goes on, so the caller destroys its socket. */
async function phase<T>(name: Phase, way: Way, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  try {
    return await Promise.race([
      work(),
      new Promise<never>((_, reject) => {
        const late = () => {
          reject(Object.assign(new Error(`no answer in time (${name})`), { code: "ETIMEDOUT" }));
        };
        timer = setTimeout(late, way.phaseTimeoutMs);
        onAbort = late;
        if (signal.aborted) late();
        else signal.addEventListener("abort", late, { once: true });
      }),
    ]);
  } catch (error) {
    throw new PhaseError(name, error);
  } finally {
    clearTimeout(timer);
    if (onAbort) signal.removeEventListener("abort", onAbort);
  }
}

const settled = (socket: Socket, event: "connect" | "secureConnect"): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once(event, () => resolve()).once("error", reject);
    socket.once("close", () => reject(Object.assign(new Error("closed by the other side"), { code: "ECONNRESET" })));
  });

async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes).toString("utf8");
}
