// The neighborhood: this node in the middle and its peers around it; where that gets crowded, a grid.

const ringPeersMax = 16;
const ringPeerWidth = 92; // what a name and a line below it need

class NeighborhoodMap {
  constructor(onPick) {
    this.place = byId("map");
    this.card = byId("peer-card").appendChild(makeCard());
    this.onPick = onPick;
    this.pinned = null; // key of a peer
    this.shown = null; // key of the one that is pointed at
    this.data = null;
    this.width = 0;
    this.place.addEventListener("keydown", (event) => this.onKey(event));
    for (const kind of ["pointerleave", "focusout"]) this.place.addEventListener(kind, () => this.point(null));
    new ResizeObserver(() => {
      if (this.data !== null && Math.abs(this.place.clientWidth - this.width) > 8) this.draw();
    }).observe(this.place);
  }

  put(self, peers, adminPort) {
    this.data = { self, peers, adminPort };
    this.drawLegend(peers);
    this.draw();
  }

  pick(key) {
    this.pinned = this.pinned === key ? null : key;
    this.draw();
  }

  point(key) {
    if (this.shown === key) return;
    this.shown = key;
    this.drawCard();
  }

  drawLegend(peers) {
    const present = peerStates.filter((state) => state === "alive" || peers.some((peer) => peer.state === state));
    keyed(byId("legend"), present, (state) => state, (state) => el("li", {}, glyph(state), el("span")), (item, state) => {
      setText(item.lastElementChild, `${whole(peers.filter((peer) => peer.state === state).length)} ${state}`);
    });
  }

  draw() {
    this.width = this.place.clientWidth;
    const { peers } = this.data;
    const fits = peers.length <= ringPeersMax && peers.length * ringPeerWidth <= 2 * Math.max(0, this.width - 40);
    const kind = fits ? "ring" : "grid";
    if (this.kind !== kind) {
      this.kind = kind;
      this.place.replaceChildren(fits ? svg("svg", { class: "ring" }) : el("div", { class: "grid" }));
    }
    if (fits) this.drawRing();
    else this.drawGrid();
    this.drawCard();
    this.keepOneTabStop();
  }

  drawRing() {
    const { self, peers } = this.data;
    const picture = this.place.firstElementChild;
    const width = Math.max(280, Math.round(this.width));
    const height = peers.length === 0 ? 170 : peers.length <= 2 ? 210 : peers.length <= 6 ? 310 : 360;
    setAttribute(picture, "viewBox", `0 0 ${width} ${height}`);
    const shortOf = this.shortNames();
    const items = [{ self, x: width / 2, y: height / 2 - 8, name: shortOf(null) }];
    peers.forEach((peer, at) => {
      const angle = (2 * Math.PI * at) / peers.length - Math.PI / 2 + (peers.length === 2 ? Math.PI / 2 : 0);
      const x = width / 2 + (width / 2 - 62) * Math.cos(angle);
      items.push({ peer, name: shortOf(peer), x, y: height / 2 - 14 + (height / 2 - 42) * Math.sin(angle) });
    });
    const edges = items.slice(1);
    const parts = [...edges.map((item) => ({ ...item, edge: true })), ...items];
    keyed(picture, parts, (part) => (part.edge ? "edge " : "") + (part.peer ? keyOfPeer(part.peer) : "self"), (part) => this.makePart(part),
      (node, part) => this.updatePart(node, part, items[0]));
  }

  makePart(part) {
    if (part.edge) return svg("line", { class: "edge" });
    const texts = [svg("text", { y: 26 }), svg("text", { class: "small", y: 41 })];
    const back = svg("circle", { class: "back", r: 15 });
    const node = svg("g", { class: "place" }, svg("rect", { class: "touch", x: -44, y: -18, width: 88, height: 64 }), svg("circle", { class: "halo", r: 17 }), back, svg("g", { class: "sign" }), ...texts);
    this.listen(node, part.peer ? keyOfPeer(part.peer) : null);
    return node;
  }

  updatePart(node, part, middle) {
    if (part.edge) {
      const ends = { x1: middle.x, y1: middle.y, x2: part.x, y2: part.y };
      for (const [name, value] of Object.entries(ends)) setAttribute(node, name, value.toFixed(1));
      setAttribute(node, "data-state", part.peer.state);
      return;
    }
    const state = part.peer ? part.peer.state : "self";
    const [, , , sign, name, line] = node.children;
    setAttribute(node, "transform", `translate(${part.x.toFixed(1)} ${part.y.toFixed(1)})`);
    if (sign.dataset.state !== state) {
      sign.dataset.state = state;
      sign.replaceChildren(shapeOf(state, part.peer ? 16 : 24));
    }
    setText(name, shown(part.name, 14));
    setText(line, part.peer ? peerInShort(part.peer).split(" · ").slice(0, 2).join(" · ") : "this node");
    this.describe(node, part.peer);
  }

  /** Names without what they have in common; null is this node. */
  shortNames() {
    const nameOf = (peer) => (peer ? nameOfPeer(peer) : this.data.self.name);
    const common = commonStart([null, ...this.data.peers].filter((peer) => !peer || peer.name !== "").map(nameOf));
    return (peer) => (common > 4 && (!peer || peer.name !== "") ? `…${nameOf(peer).slice(common)}` : nameOf(peer));
  }

  drawGrid() {
    const items = [null, ...this.data.peers];
    const shortOf = this.shortNames();
    keyed(this.place.firstElementChild, items, (peer) => (peer ? keyOfPeer(peer) : "self"), (peer) => {
      const node = el("button", { type: "button", class: "place" }, glyph(peer ? peer.state : "self"), el("bdi"), el("span", { class: "small" }));
      this.listen(node, peer ? keyOfPeer(peer) : null);
      return node;
    }, (node, peer) => {
      setGlyph(node.querySelector(".glyph"), peer ? peer.state : "self");
      setText(node.children[1], shown(shortOf(peer), 30));
      setText(node.children[2], peer ? peerInShort(peer).replace(/^RTT /, "") : "this node");
      this.describe(node, peer);
    });
  }

  describe(node, peer) {
    const words = peer ? `${shown(nameOfPeer(peer), 60)}, ${peer.state}, ${peerInShort(peer)}` : `${shown(this.data.self.name, 60)}, this node`;
    setAttribute(node, "aria-label", words);
    setAttribute(node, "role", "button");
    setAttribute(node, "aria-pressed", String(peer !== null && peer !== undefined && this.pinned === keyOfPeer(peer)));
  }

  listen(node, key) {
    node.addEventListener("pointerenter", () => this.point(key ?? "self"));
    node.addEventListener("focusin", () => this.point(key ?? "self"));
    node.addEventListener("click", () => this.onPick(key));
    node.addEventListener("keydown", (event) => {
      if (node instanceof SVGElement && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        this.onPick(key);
      }
    });
  }

  drawCard() {
    const { self, peers, adminPort } = this.data;
    const key = this.shown ?? this.pinned;
    const peer = peers.find((each) => keyOfPeer(each) === key);
    if (peer !== undefined) this.card.put(nameOfPeer(peer), pairsOfPeer(peer), pageOfPeer(peer, adminPort));
    else this.card.put(self.name, this.pairsOfSelf(), null);
  }

  /** This node: the worst of what it sees. */
  pairsOfSelf() {
    const { self, peers } = this.data;
    const alive = peers.filter((peer) => peer.state === "alive");
    const worst = (read, say) => {
      if (alive.length === 0) return "–";
      const most = alive.reduce((a, b) => (Math.abs(read(b)) > Math.abs(read(a)) ? b : a));
      return Math.abs(read(most)) === 0 ? "none" : `${say(read(most))}, ${shown(nameOfPeer(most), 24)}`;
    };
    const signed = (ms) => (ms > 0 ? "+" : "") + duration(ms);
    return [
      ["This node", self.state],
      ["Sees", peers.length === 0 ? "no peers" : `${whole(alive.length)} of ${whole(peers.length)} alive`],
      ["Worst RTT", worst((peer) => rttOf(peer) ?? 0, duration)],
      ["Worst lag", worst((peer) => peer.lag_ms, duration)],
      ["Worst skew", worst((peer) => peer.clock_skew_ms, signed)],
    ];
  }

  // --- keys: the map is one stop for Tab, arrows go from place to place

  places() {
    return [...this.place.querySelectorAll(".place")];
  }

  keepOneTabStop() {
    const places = this.places();
    const current = places.find((each) => each === document.activeElement) ?? places.find((each) => each.getAttribute("tabindex") === "0");
    for (const each of places) setAttribute(each, "tabindex", each === (current ?? places[0]) ? "0" : "-1");
  }

  onKey(event) {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    const places = this.places();
    const at = places.indexOf(document.activeElement);
    if (at < 0 || !(event.key in steps)) return;
    event.preventDefault();
    const next = places[(at + steps[event.key] + places.length) % places.length];
    for (const each of places) setAttribute(each, "tabindex", each === next ? "0" : "-1");
    next.focus();
  }
}
