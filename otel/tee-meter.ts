import type {
  Attributes,
  BatchObservableCallback,
  Context,
  Meter,
  MeterProvider,
  MetricOptions,
  Observable,
  ObservableCallback,
} from "@opentelemetry/api";
import { attributes } from "./names.ts";

/** Ends the name under which a processor says, once, how much its queue holds. */
const CAPACITY = ".queue.capacity";

type Write = (value: number, attributes?: Attributes, context?: Context) => void;

/**
 * A meter for the SDK's processors and exporters, which are built before NodeSDK makes its meter provider: what they
 * say is counted at once and passed on when the real meter is there. Without a meter they report nothing.
 */
export function createTeeMeter() {
  let real: MeterProvider | undefined;
  const waiting: (() => void)[] = [];
  const whenReal = (act: () => void): void => void (real === undefined ? waiting.push(act) : act());
  const queueFull = { spans: 0, logs: 0 };

  function meter(scope: string, version?: string): Meter {
    const counters = new Map<string, { add: Write }>();
    const written = (name: string, make: (target: Meter) => Write): Write => {
      let pass: Write | undefined;
      whenReal(() => {
        pass = real && make(real.getMeter(scope, version));
      });
      return (value, labels, context) => {
        if (labels?.[attributes.errorType] === "queue_full") count(name, value);
        if (name.endsWith(CAPACITY)) noDropsYet(name, labels);
        if (pass) pass(value, labels, context);
        else whenReal(() => pass?.(value, labels, context));
      };
    };
    const observed = (make: (target: Meter) => Observable): Observable => {
      let target: Observable | undefined;
      whenReal(() => {
        target = real && make(real.getMeter(scope, version));
      });
      return {
        addCallback: (callback: ObservableCallback) => whenReal(() => target?.addCallback(callback)),
        removeCallback: (callback: ObservableCallback) => whenReal(() => target?.removeCallback(callback)),
      };
    };
    const add = (name: string, make: (target: Meter) => { add: Write }) => ({
      add: written(name, (target) => {
        const instrument = make(target);
        return (value, labels, context) => instrument.add(value, labels, context);
      }),
      enabled: () => true,
    });
    const record = (name: string, make: (target: Meter) => { record: Write }) => ({
      record: written(name, (target) => {
        const instrument = make(target);
        return (value, labels, context) => instrument.record(value, labels, context);
      }),
      enabled: () => true,
    });
    // What drops comes in a burst, and increase() does not see the first: with its capacity a queue has its zero.
    const noDropsYet = (capacity: string, labels?: Attributes): void =>
      counters
        .get(capacity.replace(CAPACITY, ".processed"))
        ?.add(0, { ...labels, [attributes.errorType]: "queue_full" });
    return {
      createCounter(name: string, options?: MetricOptions) {
        const counter = add(name, (m) => m.createCounter(name, options));
        counters.set(name, counter);
        return counter;
      },
      createUpDownCounter: (name: string, options?: MetricOptions) =>
        add(name, (m) => m.createUpDownCounter(name, options)),
      createHistogram: (name: string, options?: MetricOptions) => record(name, (m) => m.createHistogram(name, options)),
      createGauge: (name: string, options?: MetricOptions) => record(name, (m) => m.createGauge(name, options)),
      createObservableGauge: (name: string, options?: MetricOptions) =>
        observed((m) => m.createObservableGauge(name, options)),
      createObservableCounter: (name: string, options?: MetricOptions) =>
        observed((m) => m.createObservableCounter(name, options)),
      createObservableUpDownCounter: (name: string, options?: MetricOptions) =>
        observed((m) => m.createObservableUpDownCounter(name, options)),
      addBatchObservableCallback: (_callback: BatchObservableCallback) => {},
      removeBatchObservableCallback: (_callback: BatchObservableCallback) => {},
    };
  }

  function count(name: string, value: number): void {
    if (name === "otel.sdk.processor.span.processed") queueFull.spans += value;
    else if (name === "otel.sdk.processor.log.processed") queueFull.logs += value;
  }

  return {
    provider: { getMeter: meter } satisfies MeterProvider,
    /** Passes on everything said so far and from now on. */
    connect(provider: MeterProvider): void {
      real = provider;
      for (const act of waiting.splice(0)) act();
    },
    /** Items dropped because a queue was full, since the start. */
    queueFull,
  };
}
