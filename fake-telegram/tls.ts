import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** `by_address`: good for 127.0.0.1 and for no name. `silent`: takes the connection and never shakes hands. */
export type TlsKind = "good" | "by_address" | "expired" | "wrong_name" | "unknown_issuer" | "silent";

export interface TlsListener {
  port: number;
  url: string;
  /** PEM of the issuer, for a client to trust; of `unknown_issuer` and `silent` there is none. */
  ca: string | undefined;
  close(): void;
}

interface Certificate {
  key: string;
  cert: string;
  ca: string | undefined;
}

const names: Record<Exclude<TlsKind, "silent">, string> = {
  good: "IP:127.0.0.1,DNS:localhost",
  by_address: "IP:127.0.0.1",
  expired: "IP:127.0.0.1,DNS:localhost",
  wrong_name: "DNS:somewhere-else.example",
  unknown_issuer: "IP:127.0.0.1,DNS:localhost",
};
const made = new Map<TlsKind, Promise<Certificate>>();

/** Certificates are made at run time: a test that needs one is skipped where this is false. */
export async function hasOpenssl(): Promise<boolean> {
  return run("openssl", ["version"]).then(
    () => true,
    () => false,
  );
}

async function makeCertificate(kind: Exclude<TlsKind, "silent">): Promise<Certificate> {
  const folder = await mkdtemp(join(tmpdir(), "fake-telegram-"));
  const file = (name: string): string => join(folder, name);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    await run("openssl", [
      "req",
      "-x509",
      ...newKey,
      "-subj",
      "/CN=fake-telegram issuer",
      "-days",
      "2",
      "-keyout",
      file("ca.key"),
      "-out",
      file("ca.pem"),
    ]);
    await run("openssl", ["req", ...newKey, "-subj", "/CN=fake-telegram", "-keyout", file("key"), "-out", file("csr")]);
    await writeFile(file("ext"), `subjectAltName=${names[kind]}\n`);
    const days = kind === "expired" ? "-1" : "2";
    await run("openssl", [
      "x509",
      "-req",
      "-in",
      file("csr"),
      "-CA",
      file("ca.pem"),
      "-CAkey",
      file("ca.key"),
      "-CAcreateserial",
      "-days",
      days,
      "-extfile",
      file("ext"),
      "-out",
      file("cert"),
    ]);
    const read = (name: string): Promise<string> => readFile(file(name), "utf8");
    const ca = kind === "unknown_issuer" ? undefined : await read("ca.pem");
    return { key: await read("key"), cert: await read("cert"), ca };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function certificate(kind: Exclude<TlsKind, "silent">): Promise<Certificate> {
  const known = made.get(kind) ?? makeCertificate(kind);
  made.set(kind, known);
  return known;
}

/** On 127.0.0.1 and a free port. */
export async function listenTls(kind: TlsKind, handler: RequestListener): Promise<TlsListener> {
  const issued = kind === "silent" ? undefined : await certificate(kind);
  const server: Server = issued ? createHttpsServer({ key: issued.key, cert: issued.cert }, handler) : createServer();
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    // A client that gives up a handshake is what these listeners are for.
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    ca: issued?.ca,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
