// Puts the parts together: what the node says goes to all of them.

const series = new Series(chartMs, 15_000);
const traffic = new Series(10_000, 15_000);
let stamp = null; // of the rules and settings that are shown
let pageVersion = null;
let adminPort = null;
let status = null;
let lastPage = null;

function pick(key) {
  map.pick(key);
  peersTable.pick(key);
}

const map = new NeighborhoodMap(pick);
const peersTable = new PeersTable(pick);
const chart = new RateChart();
const callers = new CallersTable(() => poller.askNow());
const rules = new RulesTable((name) => readJson(`/v1/rules?${new URLSearchParams({ rule: name })}`), (name) => callers.pickRule(name));

// --- the verdict

function verdictOf(page) {
  const dead = page.peers.filter((peer) => peer.state === "dead").length;
  if (!page.ready) return ["bad", "✕", `Not ready: ${shown(page.reason, 300)}`];
  const nodes = page.cluster_known === 1 ? "a cluster of one" : `${whole(page.cluster_size)} of ${whole(page.cluster_known)} nodes are here`;
  if (page.isolated) return ["bad", "✕", `Isolated: none of the other ${whole(page.cluster_known - 1)} nodes answers`];
  const toDo = page.advice.filter(({ kind }) => kind === "to_do").length;
  if (toDo > 0) return ["warn", "▲", `Ready, ${nodes}; ${toDo === 1 ? "one thing needs" : `${toDo} things need`} a look`];
  if (dead > 0) return ["warn", "▲", `Ready, ${nodes}`];
  return ["good", "●", `All well: ready, ${nodes}`];
}

function putVerdict(page) {
  const [kind, mark, words] = verdictOf(page);
  setAttribute(byId("verdict"), "data-is", kind);
  setText(byId("verdict-mark"), mark);
  setText(byId("verdict-text"), words);
  byId("advice").hidden = page.advice.length === 0;
  const notesOnly = page.advice.every(({ kind }) => kind === "note");
  setText(byId("advice-title"), notesOnly ? "Good to know" : "What to do next");
  keyed(byId("advice-list"), page.advice, ({ code }) => code, () => el("li"), (item, { kind, text }) => setText(item, (kind === "note" && !notesOnly ? "Good to know: " : "") + shown(text, 600)));
}

// --- one round

async function read() {
  const page = await readJson(`/v1/page?${callers.question()}`);
  return { page, newStatus: page.stamp === stamp ? null : await readJson("/v1/status") };
}

function showAll({ page, newStatus }) {
  if (newStatus !== null) {
    status = newStatus;
    stamp = page.stamp;
    adminPort = portOf(status.listeners.admin);
    rules.putRules(status);
    callers.putRules(status.rules);
    putSettings(status.settings);
  }
  show(page);
}

function portOf(listener) {
  const found = /:(\d+)$/.exec(listener);
  return found === null ? null : Number(found[1]);
}

function show(page) {
  const now = performance.now();
  pageVersion ??= page.page;
  byId("upgraded").hidden = page.page === pageVersion;
  const rate = traffic.add(now, page.node.origin, { sent: page.datagrams.sent, sent_bytes: page.datagrams.sent_bytes, received: page.datagrams.received }) ?? traffic.latest();
  const { allowed, denied, learned } = page.decisions;
  series.add(now, page.node.origin, { allowed: allowed - learned, denied, learned });
  document.title = `${page.ready ? "" : "✕ "}${shown(page.node.name, 60)} · Starling`;
  setName(byId("node-name"), page.node.name, 60);
  setName(byId("cluster-name"), page.node.cluster, 60);
  putVerdict(page);
  const peers = [...page.peers].sort((a, b) => natural.compare(nameOfPeer(a), nameOfPeer(b)));
  map.put({ name: page.node.name, state: page.state }, peers, adminPort);
  peersTable.put(peers, page.more_peers ?? 0, adminPort);
  setText(byId("peers-none"), status !== null && status.neighborhood.host === "" ? "None: this node is a cluster of one. --neighborhood-host names others." : "None yet.");
  chart.put(series);
  putVitals(page, rate);
  rules.putHottest(page.hottest, page.others_at_most ?? 0);
  callers.put(page.top);
  putFacts(page, status);
  lastPage = page;
}

// --- is it live?

function showPulse() {
  const silent = poller.silentSince !== null;
  const busy = silent && poller.problem?.status === 503;
  setAttribute(byId("pulse"), "data-is", silent ? "silent" : poller.paused ? "paused" : poller.answeredAt === null ? "connecting" : "live");
  setText(byId("pulse-text"), silent ? (busy ? "busy" : "no answer") : poller.paused ? "paused" : poller.answeredAt === null ? "connecting" : "live");
  byId("silence").hidden = !silent;
  if (!silent) return;
  const since = Math.round((performance.now() - poller.silentSince) / 1000);
  const next = Math.max(0, Math.ceil((poller.nextAt - performance.now()) / 1000));
  const refused = poller.problem?.status !== undefined ? ` (it says ${poller.problem.status})` : "";
  setText(byId("silence-since"), `No answer from the node since ${duration(since * 1000).replace(/^0 ms$/, "just now")}${refused}.`);
  const before = lastPage === null ? "" : "What is below is what it said last. ";
  setText(byId("silence-next"), before + (poller.asking ? "Asking again …" : poller.paused ? "Paused." : `Asking again in ${next} s.`));
  if (!busy) {
    setAttribute(byId("verdict"), "data-is", "bad");
    setText(byId("verdict-mark"), "✕");
    setText(byId("verdict-text"), "The node does not answer");
    byId("advice").hidden = true;
  }
}

const poller = new Poller(read, showAll, showPulse);
setUpTheme();
byId("pause").addEventListener("click", () => {
  poller.setPaused(!poller.paused);
  setAttribute(byId("pause"), "aria-pressed", String(poller.paused));
});
byId("reload").addEventListener("click", () => location.reload());
setInterval(() => {
  if (!document.hidden) showPulse();
}, 1000);
poller.askNow();
