// What kind of node this is, and how busy.

function putVitals(page, traffic) {
  const filled = page.counters.max > 0 ? page.counters.used / page.counters.max : 0;
  const { from_self: _ours, ...others } = page.datagrams.dropped; // every node in a list hears itself
  const dropped = Object.values(others).reduce((sum, count) => sum + count, 0);
  putPairs(byId("vitals"), [
    ["Counters", `${whole(page.counters.used)}, ${percent(filled)} of ${whole(page.counters.max)}`],
    ["Gossip out", traffic === null ? "–" : `${perSecond(traffic.sent)}/s, ${bytes(traffic.sent_bytes)}/s`],
    ["Gossip in", traffic === null ? "–" : `${perSecond(traffic.received)}/s`],
    ["Datagrams dropped", whole(dropped)],
  ]);
}

function frontEndText(frontEnd) {
  const words = [frontEnd.listeners.join(", ") || "not listening", `${whole(frontEnd.requests)} requests`, `${whole(frontEnd.open)} open`];
  if (frontEnd.refused > 0) words.push(`${whole(frontEnd.refused)} refused`);
  if (frontEnd.errors > 0) words.push(counted(frontEnd.errors, "error"));
  return words.join(", ");
}

function putFacts(page, status) {
  const { decisions, datagrams } = page;
  const pairs = [
    ["Version", shown(page.node.version)],
    ["Up for", duration(page.node.uptime_ms)],
    ["Origin, of this life", page.node.origin],
    ["Decided", `${whole(decisions.allowed)} allowed, ${whole(decisions.denied)} denied`],
    ["Overrides while running", `${whole(page.overrides.used)} of ${whole(page.overrides.max)}`],
  ];
  for (const frontEnd of page.front_ends) pairs.push([`Front end ${frontEnd.name}`, frontEndText(frontEnd)]);
  for (const [words, count] of [["Limits not counted, table full", decisions.uncounted], ["Held to some limits only", decisions.truncated], ["Could not be decided", decisions.failed], ["Errors of UDP sockets", datagrams.socket_errors]])
    if (count > 0) pairs.push([words, whole(count)]);
  const reasons = Object.entries(datagrams.dropped).filter(([reason]) => reason !== "from_self").map(([reason, count]) => `${reason.replaceAll("_", " ")} ${whole(count)}`);
  if (reasons.length > 0) pairs.push(["Datagrams dropped", reasons.join(", ")]);
  if (status !== null) pairs.push(...factsOfStatus(status));
  putPairs(byId("facts"), pairs);
}

function factsOfStatus(status) {
  const { neighborhood, listeners, reloads } = status;
  const pairs = [
    ["Gossip", `counts ${listeners.sync}, heartbeats ${listeners.heartbeat}`],
    ["Neighborhood", neighborhood.host === "" ? "none: a cluster of one" : shown(neighborhood.host, 200)],
    ["Rules from", `${shown(status.rules_from, 200)}, domain ${shown(status.domain)}`],
  ];
  if (reloads.ok + reloads.failed > 0) pairs.push(["Reloads", `${whole(reloads.ok)} taken, ${whole(reloads.failed)} refused`]);
  return pairs;
}

/** What somebody has set comes first. */
function putSettings(settings) {
  const rows = [...settings].sort((a, b) => (a.source === "default") - (b.source === "default") || natural.compare(a.name, b.name));
  keyed(byId("settings").querySelector("tbody"), rows, (row) => row.name, (row) => el("tr", {}, el("td", {}, el("code", {}, row.name)), el("td", {}, el("bdi")), el("td", { class: "quiet" })), (node, row) => {
    setName(node.cells[1].firstElementChild, String(row.value), 200);
    setText(node.cells[2], shown(row.source));
  });
}
