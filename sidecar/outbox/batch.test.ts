import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind, OutboxRow } from "../state/records.ts";
import { nextBatch } from "./batch.ts";

const SECOND = 1000;
const row = (id: number, incident: string, kind: Kind, createdAtMs: number) =>
  ({ id, incident, kind, createdAtMs }) as OutboxRow;
const ids = (rows: OutboxRow[] | undefined) => rows?.map(({ id }) => id);
const LONG_AGO = { lastNewAtMs: -1e9, digests: true };

test("the first message goes at once, and alone", () => {
  assert.deepEqual(ids(nextBatch([row(2, "B", "firing", 0), row(1, "A", "firing", 0)], LONG_AGO, 0)), [1]);
});

test("what follows within 15 s waits and goes as one", () => {
  const rows = [row(2, "B", "firing", 1 * SECOND), row(3, "C", "missed", 9 * SECOND)];
  assert.equal(nextBatch(rows, { lastNewAtMs: 0, digests: true }, 14 * SECOND), undefined);
  assert.deepEqual(ids(nextBatch(rows, { lastNewAtMs: 0, digests: true }, 15 * SECOND)), [2, 3]);
});

test("the end of what was told does not wait", () => {
  const rows = [row(2, "B", "firing", 1 * SECOND), row(3, "A", "resolved", 2 * SECOND)];
  assert.deepEqual(ids(nextBatch(rows, { lastNewAtMs: 0, digests: true }, 3 * SECOND)), [3]);
});

test("three that waited for more than 30 s, or six, go as a digest", () => {
  const waited = ["A", "B", "C"].map((incident, at) => row(at, incident, "firing", 0));
  assert.deepEqual(ids(nextBatch(waited, LONG_AGO, 31 * SECOND)), [0, 1, 2]);
  const many = ["A", "B", "C", "D", "E", "F"].map((incident, at) => row(at, incident, "firing", 0));
  assert.deepEqual(ids(nextBatch(many, LONG_AGO, 0))?.length, 6);
});

test("a channel without digests gets one by one", () => {
  const many = ["A", "B", "C", "D", "E", "F"].map((incident, at) => row(at, incident, "firing", 0));
  assert.deepEqual(ids(nextBatch(many, { lastNewAtMs: 0, digests: false }, 40 * SECOND)), [0]);
});

test("edits come last, one by one, also while news wait to be grouped", () => {
  const rows = [row(1, "A", "edit", 0), row(2, "A", "resolved", 0), row(3, "B", "edit", 0)];
  assert.deepEqual(ids(nextBatch(rows, LONG_AGO, 0)), [2]);
  assert.deepEqual(ids(nextBatch([row(1, "A", "edit", 0), row(3, "B", "edit", 0)], LONG_AGO, 0)), [1]);
  assert.deepEqual(
    ids(nextBatch([row(1, "A", "edit", 0), row(2, "B", "firing", 0)], { lastNewAtMs: 0, digests: true }, 1)),
    [1],
  );
  assert.equal(nextBatch([], LONG_AGO, 0), undefined);
});
