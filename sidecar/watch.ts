import { createRuns, type Log } from "@gramwatch/otel";
import type { Probe, Sample } from "./probes/probe.ts";
import { every } from "./schedule.ts";
import { succeeded } from "./telemetry.ts";

/** Runs every probe at its interval, independently of the others, until `signal` aborts; resolves when none runs. */
export async function watch(
  probes: Probe[],
  { onSample, signal, log }: { onSample: (sample: Sample) => void; signal: AbortSignal; log: Log },
): Promise<void> {
  const say = createStory(log);
  const loops = probes.map((probe) =>
    every(
      async (run) => {
        const sample = await probe.run(run);
        if (signal.aborted) return; // cut off by the end of this process: it says nothing of what it looked at
        say(sample);
        onSample(sample);
      },
      {
        intervalMs: probe.intervalMs,
        timeoutMs: probe.timeoutMs,
        jitter: probe.name.startsWith("telegram") ? 0.1 : 0,
        signal,
        onError: (error) => log.error({ err: error, probe: probe.name }, "a probe broke"),
      },
    ),
  );
  await Promise.all(loops);
}

/** Of a run of failures the 1st, 2nd, 4th, 8th … is logged, and its end. */
function createStory(log: Log): (sample: Sample) => void {
  const runs = createRuns();
  return (sample) => {
    const { probe, target } = sample;
    if (succeeded(sample)) {
      const count = runs.ended(probe);
      if (count !== undefined) log.info({ probe, target, count }, "a probe succeeds again");
      return;
    }
    const count = runs.failed(probe);
    if (count !== undefined) log.warn({ probe, target, count, ...whyFailed(sample) }, "a probe fails");
  };
}

function whyFailed(sample: Sample): { phase?: string; detail: string } {
  switch (sample.kind) {
    case "telegram": {
      const failure = sample.paths.find((path) => path.failure)?.failure;
      if (failure !== undefined) return { phase: failure.phase, detail: failure.message };
      return { detail: sample.getMe?.ok === false ? sample.getMe.description : "no path" };
    }
    case "webhook":
      return { detail: sample.result.ok ? "" : sample.result.description };
    case "disk":
      return { detail: sample.result.ok ? "" : sample.result.code };
    case "own":
      return { detail: sample.sqlite.error ?? "" };
    case "control":
    case "dependency":
      return sample.failure
        ? { phase: sample.failure.phase, detail: sample.failure.message }
        : { detail: `HTTP ${"status" in sample ? sample.status : ""}` };
    default:
      return sample.result.ok
        ? { detail: "" }
        : { phase: sample.result.failure.phase, detail: sample.result.failure.message };
  }
}
