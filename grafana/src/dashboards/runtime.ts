import { dashboard } from "../dashboard.ts";
import { UID } from "../links.ts";
import { graph, table } from "../panel.ts";
import { F, P, at, bucket, count, living, quantile, rate } from "../query.ts";

const EMPTY = "No process is sending.";
const perInstance = (selector: string): string => `sum by (service_name, service_instance_id) (${selector})`;
const LEGEND = "{{service_name}} {{service_instance_id}}";
const loop = F["nodejs.eventloop.time"];
const heapUsed = F["v8js.memory.heap.used"];
const gc = F["v8js.gc.duration"];
const http = F["http.client.request.duration"];

export const runtime = dashboard({
  uid: UID.runtime,
  title: "Runtime",
  description: "Utilisation, saturation and errors of the processes: bot and sidecar.",
  rows: [
    {
      height: 8,
      panels: [
        graph(
          {
            w: 8,
            title: "Event loop utilisation",
            description: "Share of time in JavaScript. Normal: below 0.3. At 0.9 the process cannot take more.",
            unit: "percentunit",
            min: 0,
            max: 1,
            thresholds: [
              [0.7, "yellow"],
              [0.9, "red"],
            ],
            empty: EMPTY,
          },
          {
            [LEGEND]: `${perInstance(rate(at(loop, 'nodejs_eventloop_state="active"')))} / ${perInstance(rate(at(loop)))}`,
          },
        ),
        graph(
          {
            w: 8,
            title: "Event loop delay",
            description: "Normal: below 50 ms. Over 1 s EventLoopBlocked fires: something computes in a handler.",
            unit: "s",
            thresholds: [[1, "red"]],
            empty: EMPTY,
          },
          {
            "p50 {{service_name}}": at(P.loopDelayP50),
            "p99 {{service_name}}": at(P.loopDelayP99),
            "max {{service_name}}": at(P.loopDelayMax),
          },
        ),
        graph(
          {
            w: 8,
            title: "CPU",
            description: "Cores in use. Normal: a few hundredths. One thread runs the handlers, so about 1 is full.",
            unit: "short",
            empty: EMPTY,
          },
          { "{{service_name}}": `sum by (service_name) (${rate(at(P.cpu))})` },
        ),
      ],
    },
    {
      height: 8,
      panels: [
        graph(
          {
            w: 8,
            title: "Heap against its limit",
            description: "Normal: below 0.6 and falling back. Over 0.9 MemoryHigh fires; a steady rise is a leak.",
            unit: "percentunit",
            min: 0,
            max: 1,
            thresholds: [[0.9, "red"]],
            empty: EMPTY,
          },
          { [LEGEND]: `${perInstance(at(heapUsed))} / ${perInstance(at(P.heapLimit))}` },
        ),
        graph(
          {
            w: 8,
            title: "Heap in use by space",
            description: "Normal: a saw-tooth. old_space rising from tooth to tooth is a leak.",
            unit: "bytes",
            stacked: true,
            empty: EMPTY,
          },
          { "{{v8js_heap_space_name}}": `sum by (v8js_heap_space_name) (${living(at(heapUsed))})` },
        ),
        graph(
          {
            w: 8,
            title: "Resident memory",
            description: "What the container's limit counts. Normal: flat after some minutes.",
            unit: "bytes",
            empty: EMPTY,
          },
          { [LEGEND]: at(P.memory) },
        ),
      ],
    },
    {
      height: 7,
      panels: [
        graph(
          {
            w: 8,
            title: "Time in garbage collection",
            description: "Seconds per second. Normal: below 0.02. Much major: the heap is near its limit.",
            unit: "percentunit",
            empty: EMPTY,
          },
          { "{{v8js_gc_type}}": `sum by (v8js_gc_type) (${rate(at(`${gc}_sum`))})` },
        ),
        graph(
          {
            w: 8,
            title: "Garbage collections",
            description: "Per second. Normal: minor follows the traffic, major stays rare.",
            unit: "ops",
            empty: EMPTY,
          },
          { "{{v8js_gc_type}}": `sum by (v8js_gc_type) (${rate(at(count(gc)))})` },
        ),
        graph(
          {
            w: 8,
            title: "Open resources",
            description: "Sockets, timers, file handles. Normal: flat. A steady rise is a leak of handles.",
            unit: "short",
            empty: EMPTY,
          },
          { "{{v8js_resource_type}}": `sum by (v8js_resource_type) (${living(at(F["v8js.resource.active"]))})` },
        ),
      ],
    },
    {
      height: 8,
      panels: [
        graph(
          {
            w: 8,
            title: "HTTP dependencies: p95",
            description: "Normal: what the service promises. Telegram is not in here.",
            unit: "s",
            empty: { good: "No HTTP dependency was called." },
          },
          { "{{server_address}}": quantile(0.95, at(bucket(http)), ["server_address"]) },
        ),
        graph(
          {
            w: 8,
            title: "HTTP dependencies: errors",
            description: "Normal: none. A status code: the service answered so; a word: nobody answered.",
            unit: "ops",
            softMax: 0.1,
            stacked: true,
            empty: { good: "No call of a dependency failed." },
          },
          {
            "{{server_address}} {{error_type}}": `sum by (server_address, error_type) (${rate(at(count(http), 'error_type!=""'))})`,
          },
        ),
        table(
          {
            w: 8,
            title: "Versions and instances",
            description: "Normal: one instance per service, one version. Two instances of one bot: a polling conflict.",
            unit: "short",
            columns: {
              service_name: { rename: "Service", width: 90 },
              service_version: { rename: "Version", width: 75 },
              service_instance_id: { rename: "Instance", width: 150 },
              Value: { rename: "Up for", unit: "s", width: 90 },
            },
            empty: EMPTY,
          },
          [
            `max by (service_name, service_version, service_instance_id) (${living(at(P.uptime, "", 'service_name=~"$service"'))})`,
          ],
        ),
      ],
    },
  ],
});
