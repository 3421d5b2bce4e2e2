// Counters that only grow, turned into rates. Pure: tests/interop runs this file in node.

/** Remembers samples {at (ms), counters by name}, and of each the rates since the one before; gaps are kept as null. */
class Series {
  constructor(keptMs, gapMs) {
    this.keptMs = keptMs;
    this.gapMs = gapMs;
    this.forget();
  }

  forget() {
    this.last = null;
    this.points = [];
  }

  /** `life` changes when the node restarts, and its counters begin anew. Returns the rates, or null. */
  add(at, life, counters) {
    const before = this.last;
    this.last = { at, life, counters };
    if (before !== null && at <= before.at) return null;
    let rates = null;
    if (before !== null && before.life === life && at - before.at <= this.gapMs) rates = ratesBetween(before, this.last);
    this.points.push({ at, rates });
    while (this.points.length > 0 && at - this.points[0].at > this.keptMs) this.points.shift();
    return rates;
  }

  latest() {
    return this.points.length > 0 ? this.points[this.points.length - 1].rates : null;
  }

  /** The points of one counter as runs without a gap: [[{at, value}, ...], ...] */
  runs(name) {
    const runs = [];
    let run = [];
    for (const point of this.points) {
      if (point.rates === null) {
        run = [];
      } else {
        if (run.length === 0) runs.push(run);
        run.push({ at: point.at, value: point.rates[name] });
      }
    }
    return runs;
  }

  max(names) {
    let most = 0;
    for (const { rates } of this.points) if (rates !== null) for (const name of names) most = Math.max(most, rates[name]);
    return most;
  }
}

function ratesBetween(before, now) {
  const seconds = (now.at - before.at) / 1000;
  const rates = {};
  for (const [name, count] of Object.entries(now.counters)) {
    const grown = count - (before.counters[name] ?? 0);
    if (grown < 0) return null;
    rates[name] = grown / seconds;
  }
  return rates;
}

/** The next of 1, 2, 5, 10, 20, 50 ... that is not below `value`. */
function niceCeiling(value) {
  if (!(value > 1)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.9999999);
}
