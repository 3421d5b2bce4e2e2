// The peers as a table that can be sorted by any column.

const peerColumns = [
  { title: "State", of: (peer) => peerStates.indexOf(peer.state) },
  { title: "Name", of: (peer) => nameOfPeer(peer) },
  { title: "Address", of: (peer) => peer.address },
  { title: "RTT", number: true, of: (peer) => (isPresent(peer) ? rttOf(peer) : null), say: duration },
  { title: "Lag", number: true, of: (peer) => (isPresent(peer) ? peer.lag_ms : null), say: (ms) => (ms === 0 ? "none" : duration(ms)) },
  { title: "Skew", number: true, of: (peer) => (isPresent(peer) ? peer.clock_skew_ms : null), size: Math.abs, say: (ms) => (ms > 0 ? "+" : "") + duration(ms) },
  { title: "Heard", number: true, of: (peer) => (peer.origin === "" ? null : peer.heard_ms_ago), say: (ms) => `${duration(ms)} ago` },
  { title: "Version", of: (peer) => peer.version },
];
const natural = new Intl.Collator("en", { numeric: true });

/** What is not known comes last, whichever way is asked for; peers that are alike stand by name. */
function sortedPeers(peers, column, descending) {
  const { of, size = (value) => value } = peerColumns[column];
  const compare = (a, b) => (typeof a === "number" ? size(a) - size(b) : natural.compare(a, b));
  return [...peers].sort((a, b) => {
    const [left, right] = [of(a), of(b)];
    if (left === null || right === null) return (left === null) - (right === null) || natural.compare(nameOfPeer(a), nameOfPeer(b));
    return (descending ? -1 : 1) * compare(left, right) || natural.compare(nameOfPeer(a), nameOfPeer(b));
  });
}

class PeersTable {
  constructor(onPick) {
    this.onPick = onPick;
    this.column = 1;
    this.descending = false;
    this.pinned = null;
    this.card = makeCard();
    this.data = null;
    const head = byId("peers").tHead.rows[0];
    this.heads = peerColumns.map(({ title, number }, at) => {
      const cell = el("th", { scope: "col", class: number ? "number" : null }, el("button", { type: "button", onclick: () => this.sortBy(at) }, title));
      head.append(cell);
      return cell;
    });
  }

  sortBy(column) {
    this.descending = this.column === column ? !this.descending : peerColumns[column].number === true;
    this.column = column;
    this.draw();
  }

  pick(key) {
    this.pinned = this.pinned === key ? null : key;
    this.draw();
  }

  put(peers, more, adminPort) {
    this.data = { peers, more, adminPort };
    this.draw();
  }

  draw() {
    if (this.data === null) return;
    const { peers, more, adminPort } = this.data;
    this.heads.forEach((cell, at) => setAttribute(cell, "aria-sort", at !== this.column ? "none" : this.descending ? "descending" : "ascending"));
    const rows = [];
    for (const peer of sortedPeers(peers, this.column, this.descending)) {
      rows.push({ peer });
      if (keyOfPeer(peer) === this.pinned) rows.push({ peer, detail: true });
    }
    keyed(byId("peers").tBodies[0], rows, ({ peer, detail }) => (detail ? "detail " : "") + keyOfPeer(peer), (row) => this.makeRow(row),
      (node, row) => {
        if (row.detail) this.card.put(nameOfPeer(row.peer), pairsOfPeer(row.peer), pageOfPeer(row.peer, adminPort));
        else this.updateRow(node, row.peer);
      });
    setText(byId("peers-note"), peers.length === 0 ? "" : more > 0 ? `${whole(peers.length)} shown, ${whole(more)} more` : whole(peers.length));
    byId("peers").hidden = peers.length === 0;
    byId("peers-none").hidden = peers.length > 0;
  }

  makeRow({ peer, detail }) {
    if (detail) return el("tr", { class: "inline" }, el("td", { colspan: String(peerColumns.length) }, this.card));
    const cells = peerColumns.map(({ title, number }) => {
      if (title === "State") return el("td", {}, el("span", { class: "state" }, glyph(peer.state), el("span")));
      if (title === "Name") {
        const button = el("button", { type: "button", class: "name", onclick: () => this.onPick(keyOfPeer(peer)) }, named(""));
        return el("td", {}, button);
      }
      return el("td", { class: number ? "number" : null });
    });
    return el("tr", {}, ...cells);
  }

  updateRow(node, peer) {
    peerColumns.forEach(({ title, of, say = (text) => shown(text, 40) }, at) => {
      const cell = node.cells[at];
      if (title === "State") {
        setGlyph(cell.querySelector(".glyph"), peer.state);
        setText(cell.firstElementChild.lastElementChild, peer.state);
      } else if (title === "Name") {
        setName(cell.querySelector("bdi"), nameOfPeer(peer), 60);
        setAttribute(cell.firstElementChild, "aria-expanded", String(keyOfPeer(peer) === this.pinned));
      } else {
        const value = of(peer);
        setText(cell, value === null ? "–" : say(value));
      }
    });
  }
}
