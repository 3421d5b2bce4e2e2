// One peer: its sign, its name, and all that is known of it.

const peerStates = ["alive", "suspect", "dead", "candidate", "left"];
const stateWords = {
  alive: "heard regularly",
  suspect: "not heard for a while",
  dead: "fell silent",
  candidate: "DNS lists it; it has never answered",
  left: "has said goodbye",
};

/** Colour is not the only difference: a disc, a triangle, a cross, a dashed ring, a square. */
function shapeOf(state, size) {
  const at = { class: "glyph-shape", "data-state": state };
  const r = size / 2;
  switch (state) {
    case "suspect":
      return svg("path", { ...at, d: `M0 ${-r}L${r} ${0.8 * r}H${-r}Z` });
    case "dead":
      return svg("path", { ...at, d: `M${-0.75 * r} ${-0.75 * r}L${0.75 * r} ${0.75 * r}M${0.75 * r} ${-0.75 * r}L${-0.75 * r} ${0.75 * r}` });
    case "left":
      return svg("rect", { ...at, x: -0.75 * r, y: -0.75 * r, width: 1.5 * r, height: 1.5 * r });
    default:
      return svg("circle", { ...at, r: 0.85 * r });
  }
}

function glyph(state) {
  return svg("svg", { class: "glyph", viewBox: "-8 -8 16 16", "aria-hidden": "true", "data-state": state }, shapeOf(state, 13));
}

function setGlyph(node, state) {
  if (node.dataset.state !== state) node.replaceWith(glyph(state));
}

function keyOfPeer(peer) {
  return `${peer.heartbeat_endpoint} ${peer.origin}`;
}

function nameOfPeer(peer) {
  return peer.name === "" ? peer.address : peer.name;
}

function rttOf(peer) {
  return peer.rtt_us === null ? null : peer.rtt_us / 1000;
}

function isPresent(peer) {
  return peer.state === "alive" || peer.state === "suspect";
}

/** What stands below a name on the map. */
function peerInShort(peer) {
  if (!isPresent(peer)) return peer.state;
  const words = [`RTT ${duration(rttOf(peer))}`];
  if (peer.state !== "alive") words.unshift(peer.state);
  if (peer.lag_ms > 0) words.push(`lag ${duration(peer.lag_ms)}`);
  if (Math.abs(peer.clock_skew_ms) >= 20) words.push(`skew ${duration(peer.clock_skew_ms)}`);
  return words.join(" · ");
}

/** The page of that peer, if it has one where we have ours. A link and nothing more: nothing is asked for there. */
function pageOfPeer(peer, adminPort) {
  return adminPort === null || !isPresent(peer) ? null : addressWithPort(peer.address, adminPort);
}

function pairsOfPeer(peer) {
  const pairs = [["State", `${peer.state}: ${stateWords[peer.state] ?? ""}`], ["Address", peer.heartbeat_endpoint]];
  if (peer.origin === "") return pairs;
  const skew = peer.clock_skew_ms;
  return pairs.concat([
    ["RTT", duration(rttOf(peer))],
    ["Lag", peer.lag_ms === 0 ? "none: we hold all that it has published" : duration(peer.lag_ms)],
    ["Skew", skew === 0 ? "none" : `its clock is ${duration(Math.abs(skew))} ${skew > 0 ? "ahead" : "behind"}`],
    ["Heard", `${duration(peer.heard_ms_ago)} ago`],
    ["To come", `${whole(peer.missing_versions)} from it, ${whole(peer.unacked_versions)} to it`],
    ["Known for", duration(peer.age_ms)],
    ["Origin", peer.origin],
    ["Version", shown(peer.version)],
  ]);
}

/** A card about one thing. What is in it is changed, not replaced, so that it can be read and clicked on meanwhile. */
function makeCard() {
  const title = named("");
  const pairs = el("dl", { class: "pairs" });
  const link = el("a", { rel: "noreferrer noopener", target: "_blank" });
  const place = el("p", { hidden: "" }, link);
  const node = el("div", {}, el("h3", {}, title), pairs, place);
  node.put = (name, about, page) => {
    setName(title, name, 120);
    putPairs(pairs, about);
    place.hidden = page === null;
    if (page === null) return;
    setAttribute(link, "href", `http://${page}/`);
    setText(link, `Its own page, at ${page}`);
  };
  return node;
}
