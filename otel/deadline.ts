/** Runs `work` and waits for it at most `deadlineMs`. Never rejects: what telemetry cannot send must not end the exit. */
export async function withDeadline(work: () => Promise<unknown>, deadlineMs: number): Promise<void> {
  const { promise: tooLate, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, deadlineMs);
  try {
    await Promise.race([work().catch(() => {}), tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
