// For how long nobody listens while a running deployment is restarted or brought to another version. The test of the
// compose file measures both; without a Docker Engine it is skipped, and there is no figure.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { deafnessIn } from "./deafness.ts";
import { report, short } from "./figure.ts";

if (short) process.stdout.write("takes minutes: only in the full form\n");
else {
  const test = ["--test", "--test-reporter=tap", "scripts/compose.test.ts"];
  const { status, stdout } = spawnSync(process.execPath, test, {
    cwd: join(import.meta.dirname, ".."),
    encoding: "utf8",
    maxBuffer: 64e6,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`the test failed, so its figures say nothing:\n${stdout.slice(-4000)}`);
  for (const figure of deafnessIn(stdout)) report(figure);
}
