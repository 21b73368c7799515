import assert from "node:assert/strict";
import { test } from "node:test";
import { interpolate, intervalSeconds } from "./interpolate.ts";
import type { Scope } from "./interpolate.ts";

const scope = (values: Scope["values"], local?: Record<string, string>): Scope => ({
  range: { fromMs: 0, toMs: 3_600_000 },
  scrapeSeconds: 15,
  points: 800,
  variables: [
    {
      name: "service",
      type: "query",
      query: "",
      multi: true,
      includeAll: true,
      allValue: ".+",
      current: { value: ["$__all"] },
    },
    { name: "search", type: "textbox", query: "", current: { value: "" } },
    { name: "traceId", type: "textbox", query: "", current: { value: "0" } },
  ],
  values,
  ...(local && { local }),
});

test("one value of a list is escaped, several become alternatives, All is what the dashboard says", () => {
  const ask = (value: string | string[], dialect: "prometheus" | "loki" | "tempo"): string =>
    interpolate('{service_name=~"$service"}', scope({ service: value }), dialect);
  assert.equal(ask(["a.b"], "prometheus"), '{service_name=~"a\\\\.b"}');
  assert.equal(ask(["a.b", "c"], "prometheus"), '{service_name=~"(a\\\\.b|c)"}');
  assert.equal(ask(["a.b", "c"], "loki"), '{service_name=~"a\\\\.b|c"}');
  assert.equal(ask(["a", "c"], "tempo"), '{service_name=~"a|c"}');
  for (const dialect of ["prometheus", "loki", "tempo"] as const)
    assert.equal(ask(["$__all"], dialect), '{service_name=~".+"}');
});

test("a text box goes in as it is, quotes and backslashes escaped", () => {
  assert.equal(interpolate('|= "$search"', scope({ search: "it's" }), "loki"), '|= "it\\\\\'s"');
  assert.equal(interpolate("x$search", scope({ search: "a\\b" }), "prometheus"), "xa\\\\b");
  assert.equal(interpolate("$traceId", scope({}), "tempo"), "0");
});

test("all ways to write a variable mean the same", () => {
  for (const text of ["$service", "${service}", "[[service]]"])
    assert.equal(interpolate(text, scope({ service: ["bot"] }), "loki"), "bot");
  assert.equal(interpolate("${service:regex}", scope({ service: ["a.b", "c"] }), "prometheus"), "(a\\.b|c)");
  assert.equal(interpolate("${service:raw}", scope({ service: ["a.b", "c"] }), "prometheus"), "a.b,c");
});

test("the range of a rate is never under four scrapes", () => {
  assert.equal(interpolate("rate(x[$__rate_interval])", scope({}), "prometheus"), "rate(x[60s])");
  const wide = { ...scope({}), range: { fromMs: 0, toMs: 7 * 86_400_000 } };
  assert.equal(intervalSeconds(wide), 900);
  assert.equal(
    interpolate("$__rate_interval $__interval $__auto $__range", wide, "prometheus"),
    "915s 900s 900s 604800s",
  );
});

test("links carry the time range, the chosen values and the cell", () => {
  const url = "/d/x?${__url_time_range}&${service:queryparam}&var-traceId=${__value.raw}";
  assert.equal(
    interpolate(url, scope({ service: ["a", "b c"] }, { "__value.raw": "f/1" }), "url"),
    "/d/x?from=0&to=3600000&var-service=a&var-service=b%20c&var-traceId=f%2F1",
  );
  assert.match(interpolate(url, scope({}, { "__value.raw": "1" }), "url"), /var-service=%24__all/);
});

test("a variable that nobody declares is an error, and so is a format that Grafana does not know", () => {
  assert.throws(() => interpolate("$nobody", scope({}), "prometheus"), /\$nobody is not declared/);
  assert.throws(
    () => interpolate("${service:shout}", scope({ service: "bot" }), "prometheus"),
    /\{service:shout\}: unknown format/,
  );
});
