// The hottest callers, by usage, hits or denials, of all rules or one.

const callersFew = 15;
const callersMany = 100;

class CallersTable {
  constructor(onChange) {
    this.by = "usage";
    this.most = callersFew;
    this.onChange = onChange;
    this.choice = byId("callers-rule");
    byId("callers-by").addEventListener("click", (event) => {
      const by = event.target.dataset?.by;
      if (by !== undefined) this.rankBy(by);
    });
    this.choice.addEventListener("change", () => this.onChange());
    byId("callers-more").addEventListener("click", () => {
      this.most = this.most === callersFew ? callersMany : callersFew;
      setText(byId("callers-more"), this.most === callersFew ? `Show up to ${callersMany}` : `Show ${callersFew}`);
      this.onChange();
    });
  }

  rule() {
    return this.choice.value;
  }

  /** What to ask the node. */
  question() {
    const query = new URLSearchParams({ by: this.by, n: String(this.most) });
    if (this.rule() !== "") query.set("rule", this.rule());
    return query.toString();
  }

  rankBy(by) {
    this.by = by;
    for (const button of byId("callers-by").children) setAttribute(button, "aria-pressed", String(button.dataset.by === by));
    this.onChange();
  }

  pickRule(name) {
    this.choice.value = name;
    this.onChange();
    byId("callers-title").scrollIntoView({ block: "start" });
  }

  putRules(rules) {
    const before = this.rule();
    const names = rules.map((rule) => rule.name).sort(natural.compare);
    const options = [el("option", { value: "" }, "all"), ...names.map((name) => el("option", { value: name }, shown(name, 60)))];
    this.choice.replaceChildren(...options);
    this.choice.value = names.includes(before) ? before : "";
  }

  put(top) {
    if (top.by !== this.by || (top.rule ?? "") !== this.rule()) return; // the answer to an older question
    const rows = top.rows;
    keyed(byId("callers").tBodies[0], rows, (row) => `${row.key} ${row.window_s} ${row.window_id}`, () => this.makeRow(), (node, row) => this.updateRow(node, row));
    byId("callers-more").hidden = rows.length < callersFew;
    byId("callers").hidden = rows.length === 0;
    byId("callers-none").hidden = rows.length > 0;
    setText(byId("callers-none"), this.by === "denied" ? "Nobody was denied here in the current windows." : "Nobody has been counted in the current windows.");
    const notes = ["of the whole cluster, as this node sees it, in the current windows"];
    if (!top.complete) notes.push("still being read");
    if (top.asking > 0) notes.push(`${counted(top.asking, "name")} asked for`);
    setText(byId("callers-note"), notes.join("; "));
  }

  makeRow() {
    return el("tr", {}, el("td", { class: "caller" }, named("")), el("td", {}, named("")), el("td", { class: "number" }), el("td", { class: "number" }), el("td", {}, meter()), el("td", { class: "number" }), el("td", { class: "quiet line" }, el("bdi")));
  }

  updateRow(node, row) {
    const [caller, rule, used, limit, usage, denied, shares] = node.cells;
    setName(caller.firstElementChild, row.principal === null ? `#${row.key}` : row.principal === "" ? "all callers together" : row.principal, 80);
    setName(rule.firstElementChild, row.rule === null ? "name not known" : row.rule === "" ? "brought by the request" : row.rule, 40);
    setText(used, whole(row.used));
    setText(limit, row.limit === null ? "–" : `${whole(row.limit)} per ${duration(row.window_s * 1000)}`);
    usage.firstElementChild.put(row.limit === null ? 0 : share(row.used, row.limit), "");
    setText(denied, row.denied_here === 0 && row.learned_here > 0 ? `${whole(row.learned_here)} learned` : whole(row.denied_here));
    const words = row.shares.map((each) => `${each.node === null ? `${each.origin.slice(0, 6)}…` : shown(each.node, 24)} ${whole(each.hits)}`);
    if (row.nodes > row.shares.length) words.push(`${whole(row.nodes - row.shares.length)} more`);
    setName(shares.firstElementChild, words.join(", "), 400);
  }
}
