// Preloaded by run.mjs and start.ts: a process whose parent was killed drains and ends instead of keeping its ports.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, "SIGTERM");
}, 1000).unref();
