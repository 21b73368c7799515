/** A port could not be bound; `main` prints the message, which says what to do, and ends with 1. */
export class PortError extends Error {
  constructor(setting: string, { host, port }: { host: string; port: number }, cause: unknown) {
    const { code } = cause as NodeJS.ErrnoException;
    const remedy =
      code === "EADDRINUSE"
        ? `is in use: end what listens there, or choose another ${setting}`
        : `cannot be bound (${code}): choose another ${setting} or ${setting.replace("PORT", "HOST")}`;
    super(`Port ${port} of ${host} ${remedy}.`, { cause });
    this.name = "PortError";
  }
}

/** What `listen` gives, or a `PortError` that names the setting. */
export async function bind<T>(
  setting: "OTLP_PORT" | "CONSOLE_PORT",
  at: { host: string; port: number },
  listen: () => Promise<T>,
): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    if (/^(listen|getaddrinfo)$/.test((error as NodeJS.ErrnoException).syscall ?? ""))
      throw new PortError(setting, at, error);
    throw error;
  }
}

/** Where a program on this machine reaches it; an address that means "all" is not one to go to. */
export function urlOf({ host, port }: { host: string; port: number }): string {
  const reachable = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}
