// The rules: what they hold callers to, who is nearest to that, and where every value comes from.

const rulesShownMax = 100;

function limitsText(limits) {
  return limits === "unlimited" ? limits : limits.map((limit) => `${whole(limit.requests)} per ${limit.per}`).join(", ");
}

function matchText(match) {
  return Object.entries(match).map(([key, value]) => `${key}=${value}`).join(", ");
}

class RulesTable {
  constructor(readRule, onPick) {
    this.readRule = readRule; // name -> promise of the rule's document
    this.onPick = onPick; // shows the callers of a rule
    this.rules = null;
    this.hottest = new Map();
    this.othersAtMost = 0;
    this.open = null; // name of the rule whose details are shown
    this.details = null;
    byId("rules-filter").addEventListener("input", () => this.draw());
  }

  putRules(status) {
    this.rules = status.rules;
    this.from = status.rules_from;
    this.details = null;
    if (this.open !== null) this.load(this.open);
    byId("rules-find").hidden = this.rules.length <= 10;
    this.draw();
  }

  /** `othersAtMost`: the usage that no caller of the rules that are not among them exceeds. */
  putHottest(rows, othersAtMost) {
    this.othersAtMost = othersAtMost;
    this.hottest = new Map(rows.map((row) => [row.rule, row]));
    if (this.rules !== null) this.draw();
  }

  usage(rule) {
    const row = this.hottest.get(rule.name);
    return row === undefined ? 0 : share(row.used, row.limit);
  }

  /** Of a rule whose hottest caller is not told. */
  words() {
    return this.othersAtMost > 0 ? `at most ${percent(this.othersAtMost)}` : "no caller now";
  }

  draw() {
    if (this.rules === null) return;
    const wanted = byId("rules-filter").value.trim().toLowerCase();
    const fits = (rule) => rule.name.toLowerCase().includes(wanted) || matchText(rule.match).toLowerCase().includes(wanted);
    const found = wanted === "" ? [...this.rules] : this.rules.filter(fits);
    found.sort((a, b) => this.usage(b) - this.usage(a) || natural.compare(a.name, b.name));
    const rows = [];
    for (const rule of found.slice(0, rulesShownMax)) {
      rows.push({ rule });
      if (rule.name === this.open) rows.push({ rule, detail: true });
    }
    keyed(byId("rules").tBodies[0], rows, ({ rule, detail }) => (detail ? "detail " : "rule ") + rule.name, (row) => this.makeRow(row),
      (node, row) => (row.detail ? this.updateDetail(node) : this.updateRow(node, row.rule)));
    const shownCount = Math.min(found.length, rulesShownMax);
    setText(byId("rules-note"), shownCount < this.rules.length ? `${whole(shownCount)} of ${whole(this.rules.length)}, those nearest to their limit first` : `${whole(this.rules.length)}, from ${shown(this.from, 80)}`);
    byId("rules").hidden = rows.length === 0;
    byId("rules-none").hidden = rows.length > 0;
    setText(byId("rules-none"), this.rules.length === 0 ? "No rules: every request passes." : `No rule's name or match contains ${shown(wanted, 40)}.`);
  }

  makeRow({ rule, detail }) {
    if (detail) return el("tr", { class: "inline" }, el("td", { colspan: "5" }, el("dl", { class: "pairs" }), el("p", {}, el("button", { type: "button", onclick: () => this.onPick(rule.name) }, "Show its callers"))));
    const name = el("button", { type: "button", class: "name", onclick: () => this.toggle(rule.name) }, named(""));
    const bar = meter();
    return el("tr", {}, el("td", {}, name, el("bdi", { class: "under quiet" })), el("td"), el("td", { class: "broad" }, bar), el("td"), el("td", { class: "quiet from" }));
  }

  updateRow(node, rule) {
    const [name, limit, bar, marks, from] = node.cells;
    setName(name.querySelector("bdi"), rule.name, 60);
    setAttribute(name.firstElementChild, "aria-expanded", String(this.open === rule.name));
    setName(name.lastElementChild, matchText(rule.match), 60);
    setText(limit, limitsText(rule.live_limits ?? (rule.unlimited ? "unlimited" : rule.limits)));
    const row = this.hottest.get(rule.name);
    bar.firstElementChild.put(this.usage(rule), row === undefined ? this.words() : row.principal === "" ? "all callers together" : row.principal);
    const tags = [];
    if (this.usage(rule) >= 1 && !rule.learning) tags.push(["over", "at its limit"]);
    if (rule.learning) tags.push(["learning", "learning"]);
    if (rule.live_count > 0) tags.push(["live", counted(rule.live_count, "live override")]);
    if (rule.overrides_count > 0) tags.push(["", counted(rule.overrides_count, "exception")]);
    if (rule.algorithm !== "fixed_window") tags.push(["", rule.algorithm.replace("_", " ")]);
    if (rule.admission !== "optimistic") tags.push(["", rule.admission]);
    if (rule.exact) tags.push(["", "exact"]);
    keyed(marks, tags, ([, words]) => words, ([kind, words]) => el("span", { class: `tag ${kind}` }, words), () => {});
    setText(from, shown(rule.from.replace(/^.*\//, ""), 40));
    setAttribute(from, "title", shown(rule.from, 600));
  }

  // --- where values come from, of one rule at a time

  toggle(name) {
    this.open = this.open === name ? null : name;
    this.details = null;
    if (this.open !== null) this.load(name);
    this.draw();
  }

  async load(name) {
    let details;
    try {
      const found = (await this.readRule(name)).rules.find((rule) => rule.name === name);
      details = found === undefined ? [["", "This rule is gone."]] : this.pairsOf(found);
    } catch {
      details = [["", "The node did not tell. Close and open this again."]];
    }
    if (this.open !== name) return;
    this.details = details;
    this.draw();
  }

  pairsOf(rule) {
    const from = (text) => ` — ${shown(text, 200)}`;
    const pairs = [["Domain", shown(rule.domain)], ["Limits", limitsText(rule.limits.value) + from(rule.limits.from)], ["Learning", (rule.learning.value ? "yes" : "no") + from(rule.learning.from)]];
    for (const key of ["algorithm", "admission", "when_isolated", "when_full"]) pairs.push([key.replace("_", " "), rule[key].value + from(rule[key].from)]);
    rule.overrides.forEach((each, at) => {
      const what = [];
      if (each.limits !== undefined) what.push(limitsText(each.limits));
      if (each.learning !== undefined) what.push(each.learning ? "learning" : "not learning");
      pairs.push([`Exception ${at + 1}`, `${shown(matchText(each.match))}: ${what.join(", ")}${from(each.from)}`]);
    });
    for (const list of ["enforcing", "ignoring"]) rule[list].forEach((each, at) => pairs.push([`${list} ${at + 1}`, shown(each.who) + from(each.from)]));
    for (const [list, count] of Object.entries(rule.more ?? {})) pairs.push([`More ${list}`, whole(count)]);
    return pairs;
  }

  updateDetail(node) {
    putPairs(node.querySelector("dl"), this.details ?? [["", "Asking the node …"]]);
  }
}
