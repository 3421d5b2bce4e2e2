// Asks the node again and again: not while nobody looks, less often while it does not answer.

const pollMs = 2000;
const patienceMs = 5000; // for one answer
const backOffMs = [1000, 2000, 4000, 8000];

async function readJson(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(patienceMs) });
  if (!answer.ok) throw Object.assign(new Error(`${answer.status}`), { status: answer.status });
  return answer.json();
}

class Poller {
  /** `read` asks and throws if there is no answer, `show` gets the answer; `onChange` is told of changes of what is below. */
  constructor(read, show, onChange) {
    this.read = read;
    this.show = show;
    this.onChange = onChange;
    this.answeredAt = null; // by performance.now()
    this.silentSince = null;
    this.failures = 0;
    this.nextAt = 0;
    this.paused = false;
    this.asking = false;
    this.again = false;
    this.timer = null;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.askNow()));
  }

  /** At once; if an answer is on its way, right after it. */
  askNow() {
    this.stop();
    if (this.asking) this.again = true;
    else this.ask();
  }

  setPaused(paused) {
    this.paused = paused;
    if (paused) this.stop();
    else this.askNow();
    this.onChange();
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = null;
  }

  async ask() {
    this.asking = true;
    const begun = performance.now();
    let answer = null;
    try {
      answer = await this.read();
      this.answeredAt = performance.now();
      this.silentSince = null;
      this.failures = 0;
    } catch (problem) {
      this.problem = problem;
      this.silentSince ??= this.answeredAt ?? begun;
      this.failures += 1;
    }
    this.asking = false;
    if (this.again) {
      this.again = false;
      this.ask();
    } else if (!this.paused && !document.hidden) {
      this.schedule(performance.now() - begun);
    }
    this.onChange();
    if (answer !== null) this.show(answer); // what goes wrong in here is no silence of the node's
  }

  /** A node that is slow to answer is asked less often. */
  schedule(tookMs) {
    const wait = this.failures === 0 ? Math.max(pollMs - tookMs, tookMs) : backOffMs[Math.min(this.failures, backOffMs.length) - 1];
    this.nextAt = performance.now() + wait;
    this.timer = setTimeout(() => this.ask(), wait);
  }
}
