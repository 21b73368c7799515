import { test } from "node:test";
import { withDeadline } from "./deadline.ts";

test("work that fails or hangs ends with the deadline at the latest", { timeout: 2000 }, async () => {
  await withDeadline(() => Promise.reject(new Error("x")), 60_000);
  await withDeadline(() => new Promise(() => {}), 10);
});
