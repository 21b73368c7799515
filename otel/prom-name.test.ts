import assert from "node:assert/strict";
import { test } from "node:test";
import { promLabel, promName } from "./prom-name.ts";

test("a metric gets its unit once, _total last for counters, _ratio for gauges of unit 1", () => {
  const table = [
    ["messaging.process.duration", "histogram", "s", "messaging_process_duration_seconds"],
    ["telegram.bot.errors", "counter", "{error}", "telegram_bot_errors_total"],
    ["telegram.api.retry_after", "counter", "s", "telegram_api_retry_after_seconds_total"],
    ["process.memory.usage", "updown", "By", "process_memory_usage_bytes"],
    ["nodejs.eventloop.utilization", "gauge", "1", "nodejs_eventloop_utilization_ratio"],
    ["telegram.bot.last_poll_success.timestamp", "gauge", "s", "telegram_bot_last_poll_success_timestamp_seconds"],
    ["x.total.things", "counter", "", "x_things_total"],
    ["x.seconds", "gauge", "s", "x_seconds"],
    ["x.speed", "gauge", "By/s", "x_speed_bytes_per_second"],
    ["x.part", "gauge", "%", "x_part_percent"],
    ["x.custom", "gauge", "apple", "x_custom_apple"],
    ["x.rate", "gauge", "{req}/s", "x_rate_per_second"],
    ["1st.thing", "gauge", "", "_1st_thing"],
  ] as const;
  for (const [name, kind, unit, expected] of table) assert.equal(promName({ name, kind, unit }), expected);
});

test("a label keeps letters and digits, everything else becomes an underscore", () => {
  assert.equal(promLabel("messaging.destination.name"), "messaging_destination_name");
  assert.equal(promLabel("9lives"), "key_9lives");
});
