import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Arbitrary,
  array,
  assert as assertProperty,
  asyncProperty,
  constant,
  constantFrom,
  integer,
  oneof,
  record,
} from "fast-check";
import type { Answer, Channel, Message } from "../channels/channel.ts";
import type { Incident } from "../state/records.ts";
import { createRig, dependencySample, fakeClock, type Rig, seeded, telegramSample, temporaryDir } from "./testing.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const STEP_MS = 15 * SECOND;

type Event =
  | { do: "breach" | "clear" | "unknown"; forMs: number }
  | { do: "outage"; kind: "refused" | "lost" | "taken" | "page" | "flood" }
  | { do: "repair" | "restart" | "crash" }
  | { do: "ack" }
  | { do: "silence"; forMs: number };

const duration = integer({ min: 1, max: 30 }).map((count) => count * 15 * SECOND);
const event: Arbitrary<Event> = oneof(
  {
    weight: 6,
    arbitrary: record({ do: constantFrom("breach" as const, "clear" as const, "unknown" as const), forMs: duration }),
  },
  {
    weight: 2,
    arbitrary: record({
      do: constant("outage"),
      kind: constantFrom("refused", "lost", "taken", "page", "flood"),
    }),
  },
  { weight: 3, arbitrary: record({ do: constantFrom("repair", "restart", "crash") }) },
  { weight: 1, arbitrary: record({ do: constant("ack") }) },
  { weight: 2, arbitrary: record({ do: constant("silence"), forMs: duration }) },
);

/** Single events would seldom meet like this: it comes again inside its silence, which ends at any moment of that. */
const relapse: Arbitrary<Event[]> = record({ silence: duration, breach: duration, clear: duration }).map((forMs) => [
  { do: "breach", forMs: 3 * MINUTE },
  { do: "silence", forMs: 3 * MINUTE + forMs.silence },
  { do: "clear", forMs: 3 * MINUTE },
  { do: "breach", forMs: forMs.breach },
  { do: "clear", forMs: forMs.clear },
]);
const scene = oneof({ weight: 9, arbitrary: event.map((one) => [one]) }, { weight: 1, arbitrary: relapse });

/** A chat that notes what arrived in it, and breaks in the ways that the wire can break. */
function chat() {
  const arrived: Message[] = [];
  let lost = 0;
  let outage: Extract<Event, { do: "outage" }>["kind"] | undefined;
  const ok = (id: number): Answer => ({
    answered: true,
    status: 200,
    text: JSON.stringify({ ok: true, result: { message_id: id } }),
    retryAfter: null,
  });
  const channel: Channel = {
    name: "telegram",
    dialect: "telegram",
    edits: true,
    digests: true,
    pace: { everyMs: 1000, perMinute: 20 },
    async send(message) {
      if (outage === "refused") return { answered: false, code: "ECONNREFUSED", written: false };
      if (outage === "page") return { answered: true, status: 502, text: "<html>", retryAfter: null };
      if (outage === "flood") {
        const body = { ok: false, error_code: 429, description: "Too Many Requests", parameters: { retry_after: 40 } };
        return { answered: true, status: 429, text: JSON.stringify(body), retryAfter: "40" };
      }
      if (outage !== "lost" && message.edit === null) arrived.push(message);
      if (outage === "lost" || outage === "taken") {
        lost++;
        return { answered: false, code: "ECONNRESET", written: true };
      }
      return ok(arrived.length);
    },
    close: async () => {},
  };
  return {
    channel,
    arrived,
    breaks: (kind: typeof outage) => {
      outage = kind;
    },
    ambiguous: () => lost,
  };
}

function samples(rig: Rig, reading: "breach" | "clear" | "unknown") {
  const way = telegramSample(rig.at());
  return reading === "unknown" ? [way] : [way, dependencySample(rig.at(), reading === "breach")];
}

async function play(events: Event[], dir: string) {
  const clock = fakeClock();
  const phone = chat();
  const open = () => createRig({ dir, clock, channels: [phone.channel], random: seeded(clock.wallMs() % 10_000) });
  let rig = open();
  let reading: "breach" | "clear" | "unknown" = "clear";
  /** Incidents that fired at the end of some tick while nothing kept them quiet: these, and no others, are to be told. */
  const free = new Set<string>();
  const note = (wallMs: number) => {
    for (const incident of rig.state.all("incident")) if (maySpeakNow(rig, incident, wallMs)) free.add(incident.id);
  };
  const run = async (ms: number) => {
    const look = () => {
      note(clock.wallMs() - STEP_MS); // the tick before
      return samples(rig, reading);
    };
    await rig.run(ms, look, STEP_MS);
    note(clock.wallMs());
  };
  await run(MINUTE);
  for (const next of events) {
    const firing = rig.engine.alerts("firing")[0];
    switch (next.do) {
      case "breach":
      case "clear":
      case "unknown":
        reading = next.do;
        await run(next.forMs);
        break;
      case "outage":
        phone.breaks(next.kind);
        break;
      case "repair":
        phone.breaks(undefined);
        rig.sender.retryNow("telegram");
        break;
      case "ack":
        if (firing) rig.engine.ack(firing.id, "@ada");
        break;
      case "silence":
        if (firing) rig.engine.silence(firing.id, next.forMs, "@ada");
        break;
      default:
        if (next.do === "restart") rig.close();
        else rig.state.database()?.close();
        rig = open();
    }
  }
  // In the end everything works and is quiet, long enough for every wait there is.
  phone.breaks(undefined);
  reading = "clear";
  await run(45 * MINUTE);
  return { rig, phone, free };
}

/** As of the last tick, at `wallMs`. */
function maySpeakNow(
  rig: Rig,
  { id, rule, target, state, ackedAtMs, inhibitedBy, held }: Incident,
  wallMs: number,
): boolean {
  const instance = rig.state.get("instance", `${rule}/${target}`);
  const silenced = (instance?.silencedUntilWallMs ?? 0) > wallMs;
  const since = instance?.flappingSinceAtMs ?? Number.POSITIVE_INFINITY;
  const flaps = rig.state
    .all("incident")
    .some(
      (one) => one.id !== id && one.flapping && one.firedAtMs >= since && rig.state.get("told", `${one.id}/telegram`),
    );
  return state === "firing" && ackedAtMs === null && !silenced && inhibitedBy === null && !held && !flaps;
}

test("whatever happens to bot, chat and sidecar: firing and resolved alternate, nothing twice unless marked, nothing lost", async (t) => {
  await assertProperty(
    asyncProperty(array(scene, { minLength: 3, maxLength: 14 }), async (scenes) => {
      const events = scenes.flat();
      const { rig, phone, free } = await play(events, temporaryDir(t));
      const single = phone.arrived.filter(({ incident }) => incident !== null);
      for (const incident of rig.state.all("incident")) {
        assert.equal(incident.state, "resolved");
        const mine = single.filter((message) => message.incident === incident.id);
        const unmarked = mine.filter(({ html }) => !html.includes("may repeat"));
        const firings = unmarked.filter(({ kind }) => kind === "firing");
        const ends = unmarked.filter(({ status }) => status === "resolved");
        assert.ok(firings.length <= 1, `#${incident.id} fired twice`);
        assert.ok(ends.length <= 1, `#${incident.id} ended twice`);
        const firstEnd = mine.findIndex(({ status }) => status === "resolved");
        assert.ok(
          !mine.slice(firstEnd + 1).some(({ kind }) => firstEnd >= 0 && kind === "firing"),
          "firing after its end",
        );
        const told = rig.state.get("told", `${incident.id}/telegram`);
        // Free to speak at some time: the channel knows in the end. Never free: it never heard of it.
        if (free.has(incident.id)) assert.equal(told?.state, "resolved", `#${incident.id} was lost`);
        else assert.equal(told, undefined, `#${incident.id} was told inside its silence`);
      }
      assert.ok(
        phone.arrived.filter(({ html }) => html.includes("may repeat")).length <= phone.ambiguous() + events.length,
      );
      const open = rig.rows().filter(({ state }) => ["queued", "sending", "ambiguous", "parked"].includes(state));
      assert.deepEqual(open, [], "rows left over");
      rig.close();
    }),
    { numRuns: 60, seed: 20_261_121 },
  );
});

test("a breach shorter than its wait gives no incident and no message", async () => {
  const phone = chat();
  const rig = createRig({ channels: [phone.channel] });
  for (let blip = 0; blip < 10; blip++) {
    await rig.run(45 * SECOND, () => [dependencySample(rig.at(), true)], 15 * SECOND);
    await rig.run(5 * MINUTE, () => [dependencySample(rig.at(), false)], 15 * SECOND);
  }
  assert.deepEqual(phone.arrived, []);
  assert.deepEqual(rig.engine.alerts("all"), []);
});
