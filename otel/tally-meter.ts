import type { Attributes, Meter, MeterProvider, MetricOptions, Observable } from "@opentelemetry/api";

/**
 * Lets the counters of one scope add to plain numbers, which are observed when somebody collects. The tracer moves three
 * counters per span, and each move costs the SDK a sorted JSON text of the labels for each reader.
 */
export function tallyCounters(provider: MeterProvider, scope: string): void {
  const getMeter = provider.getMeter.bind(provider);
  // By name: every tracer of the provider asks anew, and two callbacks on one name would overwrite each other.
  const tallies = new Map<string, ReturnType<typeof createTally>>();
  const once = (name: string, make: () => Observable) => {
    let tally = tallies.get(name);
    if (!tally) tallies.set(name, (tally = createTally(make())));
    return tally;
  };
  provider.getMeter = (name, version, options) => {
    const meter = getMeter(name, version, options);
    if (name !== scope) return meter;
    return Object.assign(Object.create(meter) as Meter, {
      createCounter: (counter: string, given?: MetricOptions) =>
        once(counter, () => meter.createObservableCounter(counter, given)),
      createUpDownCounter: (counter: string, given?: MetricOptions) =>
        once(counter, () => meter.createObservableUpDownCounter(counter, given)),
    });
  };
}

function createTally(instrument: Observable) {
  const sums = new Map<string, { labels: Attributes; sum: number }>();
  instrument.addCallback((result) => {
    for (const { labels, sum } of sums.values()) result.observe(sum, labels);
  });
  return {
    enabled: () => true,
    add(value: number, labels: Attributes = {}): void {
      // Whoever moves a counter names the same labels in the same order each time: the values tell them apart.
      let key = "";
      for (const label in labels) key += `${String(labels[label])}\n`;
      const known = sums.get(key);
      if (known) known.sum += value;
      else sums.set(key, { labels, sum: value });
    },
  };
}
