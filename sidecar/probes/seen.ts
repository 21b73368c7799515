/** The clocks of a sample: monotonic for rules, wall for people. */
export interface Clocks {
  now: () => number;
  wall: () => number;
}

export const systemClocks: Clocks = { now: () => performance.now(), wall: () => Date.now() };

/** What every sample says, taken at the end of a look. */
export const seen = (probe: string, target: string, clocks: Clocks) => ({
  probe,
  target,
  atMs: clocks.now(),
  wallMs: clocks.wall(),
});
