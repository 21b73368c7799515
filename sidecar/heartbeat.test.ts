import assert from "node:assert/strict";
import { test } from "node:test";
import { createHeartbeats, type HeartbeatStatus } from "./heartbeat.ts";
import { refusedPort, serveHttp, serveTcp } from "./probes/testing.ts";

function setUp(over: Partial<Parameters<typeof createHeartbeats>[0]> = {}) {
  let nowMs = 0;
  const calls: [url: string, body: string][] = [];
  const changes: HeartbeatStatus[] = [];
  const troubles: string[] = [];
  const beats = createHeartbeats({
    mainUrl: "http://hc.example/main",
    deliveryUrl: "http://hc.example/delivery",
    stateTroubles: () => [],
    deliveryTroubles: () => troubles,
    now: () => nowMs,
    wall: () => 1_000_000 + nowMs,
    post: async (url, body) => (calls.push([url, body]), 200),
    onChange: (status) => changes.push(status),
    ...over,
  });
  return {
    beats,
    calls,
    changes,
    troubles,
    tickAt: async (ms: number) => {
      nowMs = ms;
      beats.tick();
      await beats.settled();
    },
  };
}

test("a tick beats at once and then not before a minute has passed", async () => {
  const { tickAt, calls } = setUp();
  for (const ms of [0, 1000, 59_999, 60_000, 60_001]) await tickAt(ms);
  assert.deepEqual(
    calls.filter(([url]) => url.endsWith("main")),
    [
      ["http://hc.example/main", ""],
      ["http://hc.example/main", ""],
    ],
  );
});

test("no tick, no beat", async () => {
  const { beats, calls } = setUp();
  await beats.settled();
  assert.deepEqual([calls, beats.status().map(({ lastSuccessWallMs }) => lastSuccessWallMs)], [[], [null, null]]);
});

test("while an alert would not arrive the delivery beat goes to /fail with the reasons, the main one goes on", async () => {
  const { tickAt, calls, troubles } = setUp({ deliveryUrl: "http://hc.example/uuid?create=1" });
  troubles.push("oldest unsent 6 min");
  await tickAt(0);
  assert.deepEqual(calls, [
    ["http://hc.example/main", ""],
    ["http://hc.example/uuid/fail?create=1", '{"reasons":["oldest unsent 6 min"]}'],
  ]);
});

test("while the state is not on disk the main beat goes to /fail and says so, the delivery one goes on", async () => {
  const stateTroubles = ["state not saved: no space left"];
  const { tickAt, calls } = setUp({ stateTroubles: () => stateTroubles });
  await tickAt(0);
  stateTroubles.pop();
  await tickAt(60_000);
  assert.deepEqual(calls, [
    ["http://hc.example/main/fail", '{"reasons":["state not saved: no space left"]}'],
    ["http://hc.example/delivery", ""],
    ["http://hc.example/main", ""],
    ["http://hc.example/delivery", ""],
  ]);
});

test("before anything is known of the delivery there is no beat for it, and then at once", async () => {
  let known: string[] | undefined;
  const { tickAt, calls } = setUp({ deliveryTroubles: () => known });
  await tickAt(0);
  assert.deepEqual(calls, [["http://hc.example/main", ""]]);
  known = [];
  await tickAt(1000);
  assert.deepEqual(calls[1], ["http://hc.example/delivery", ""]);
});

test("without a URL there is no heartbeat", async () => {
  const none = createHeartbeats({ stateTroubles: () => [], deliveryTroubles: () => [], now: () => 0, wall: () => 0 });
  none.tick();
  assert.deepEqual(none.status(), []);
});

test("a beat that is not answered never holds up a tick, and no second one starts meanwhile", async () => {
  const gate = Promise.withResolvers<number>();
  let calls = 0;
  const { beats, tickAt } = setUp({ post: () => ((calls += 1), gate.promise) });
  beats.tick();
  const second = tickAt(120_000);
  assert.equal(calls, 2); // one of each switch
  gate.resolve(200);
  await second;
});

test("the age counts from the last accepted beat, and a change of outcome is told once", async () => {
  let status = 200;
  const { tickAt, beats, changes } = setUp({ post: async () => status });
  await tickAt(0);
  status = 500;
  await tickAt(60_000);
  await tickAt(120_000);
  const [main] = beats.status();
  assert.deepEqual(main, {
    heartbeat: "main",
    lastSuccessWallMs: 1_000_000,
    ageSeconds: 120,
    lastError: "answered HTTP 500",
  });
  assert.equal(changes.length, 2); // one for each switch
});

test("over a real socket: the beat is a POST; a refused port and a closed connection are named by code", async (t) => {
  const requests: string[] = [];
  const url = await serveHttp(t, (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.end("OK");
  });
  const real = (mainUrl: string) =>
    createHeartbeats({ mainUrl, stateTroubles: () => [], deliveryTroubles: () => [], now: () => 0, wall: () => 7 });
  const good = real(`${url}/ping/secret-id`);
  const refused = real(`http://127.0.0.1:${await refusedPort()}/secret-id`);
  const cut = real(`http://127.0.0.1:${await serveTcp(t, (socket) => socket.destroy())}/secret-id`);
  for (const beats of [good, refused, cut]) {
    beats.tick();
    await beats.settled();
  }
  assert.deepEqual(requests, ["POST /ping/secret-id"]);
  assert.equal(good.status()[0]?.lastSuccessWallMs, 7);
  assert.equal(refused.status()[0]?.lastError, "ECONNREFUSED");
  assert.match(cut.status()[0]?.lastError ?? "", /^(UND_ERR_SOCKET|ECONNRESET)$/);
  assert.doesNotMatch(JSON.stringify([refused.status(), cut.status()]), /secret-id/);
});
