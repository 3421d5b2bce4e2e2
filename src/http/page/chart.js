// Decisions per second over the last minutes, from differences of counters.

const chartMs = 180_000;
const decisionKinds = [
  ["allowed", "allowed"],
  ["denied", "denied"],
  ["learned", "learning: would be denied"],
];

class RateChart {
  constructor() {
    this.place = byId("chart");
    this.legend = byId("rate-legend");
    this.values = decisionKinds.map(([name, words]) => {
      const value = el("b", {}, "–");
      const line = svg("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" }, svg("path", { class: "series", "data-of": name, d: "M0 4H22" }));
      this.legend.append(el("li", {}, value, el("span", { class: "key" }, line, words)));
      return value;
    });
    this.picture = this.place.appendChild(svg("svg", { role: "img" }));
    new ResizeObserver(() => this.series && this.draw()).observe(this.place);
  }

  put(series) {
    this.series = series;
    const rates = series.latest();
    decisionKinds.forEach(([name], at) => setText(this.values[at], perSecond(rates === null ? null : rates[name])));
    this.draw();
  }

  draw() {
    const [width, height, left, bottom, top] = [Math.max(260, this.place.clientWidth), 150, 44, 20, 8];
    const names = decisionKinds.map(([name]) => name);
    const ceiling = niceCeiling(this.series.max(names));
    const end = this.series.last === null ? 0 : this.series.last.at;
    const x = (at) => left + ((at - end + chartMs) / chartMs) * (width - left - 6);
    const y = (value) => top + (1 - value / ceiling) * (height - top - bottom);
    const parts = [];
    for (const part of [0, 0.5, 1]) {
      const at = y(part * ceiling);
      parts.push(svg("path", { class: "axis", d: `M${left} ${at}H${width}` }));
      parts.push(svg("text", { x: left - 6, y: at + 4, "text-anchor": "end" }, ceiling === 1 && part === 0.5 ? "" : perSecond(part * ceiling)));
    }
    for (const [minutes, anchor] of [[3, "start"], [2, "middle"], [1, "middle"], [0, "end"]]) {
      const text = minutes === 0 ? "now" : `−${minutes} min`;
      parts.push(svg("text", { x: x(end - minutes * 60_000), y: height - 4, "text-anchor": anchor }, text));
    }
    for (const name of names) {
      for (const run of this.series.runs(name)) {
        const points = run.map(({ at, value }) => `${x(at).toFixed(1)} ${y(value).toFixed(1)}`);
        if (points.length === 1) points.push(points[0]);
        parts.push(svg("path", { class: "series", "data-of": name, d: `M${points.join("L")}` }));
      }
    }
    setAttribute(this.picture, "viewBox", `0 0 ${width} ${height}`);
    setAttribute(this.picture, "aria-label", `Decisions per second in the last three minutes, at most ${perSecond(this.series.max(names))}`);
    this.picture.replaceChildren(...parts);
  }
}
