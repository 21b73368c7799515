// What the images weigh, and for how long nobody listens while they are exchanged. The tests of the images and of the
// compose file measure both; without a Docker Engine they are skipped, and there is no figure.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { figuresIn } from "./diagnostics.ts";
import { report, short } from "./figure.ts";

if (short) process.stdout.write("takes minutes: only in the full form\n");
else {
  const tests = ["scripts/images.test.ts", "scripts/compose.test.ts"];
  const { status, stdout } = spawnSync(
    process.execPath,
    ["--test", "--test-concurrency=1", "--test-reporter=tap", ...tests],
    { cwd: join(import.meta.dirname, ".."), encoding: "utf8", maxBuffer: 64e6, stdio: ["ignore", "pipe", "inherit"] },
  );
  if (status !== 0) throw new Error(`a test failed, so its figures say nothing:\n${stdout.slice(-4000)}`);
  for (const figure of figuresIn(stdout)) report(figure);
}
