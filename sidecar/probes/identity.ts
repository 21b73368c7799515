/**
 * The name under which a bot appears in samples, alerts and metrics: its `/health.service`; where none was ever read,
 * the configured name, then the bot's username. What was learnt is handed to `remember`, because a bot that is dead
 * when the sidecar starts must keep the name that its open incidents have.
 */
export interface Identity {
  target(): string;
  /** `/health.service` as read. */
  service(name: string): void;
  /** `getMe.username` as read. */
  username(name: string): void;
}

export function createIdentity(options: {
  configuredName?: string;
  /** What an earlier run had learnt. */
  known?: string;
  /** Another bot has this name already: two bots that both say `bot` keep their configured names. */
  taken?: (name: string) => boolean;
  remember?: (name: string) => void;
}): Identity {
  let service = options.known;
  let username: string | undefined;
  return {
    target: () => service ?? options.configuredName ?? username ?? "bot",
    service(name) {
      if (name === service || name === "" || options.taken?.(name)) return;
      service = name;
      options.remember?.(name);
    },
    username(name) {
      username = name;
      // Without /health this is the only name there is; once used for incidents it must survive a restart.
      if (service === undefined && options.configuredName === undefined) options.remember?.(name);
    },
  };
}
