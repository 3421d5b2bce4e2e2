// What the status page computes, without a browser: `node --test page_script.js`.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const test = require("node:test");
const vm = require("node:vm");

const folder = path.join(__dirname, "../../src/http/page");
const wanted = ["perSecond", "bytes", "duration", "share", "percent", "shown", "addressWithPort", "commonStart", "Series", "niceCeiling"];
const source = ["format.js", "series.js"].map((name) => fs.readFileSync(path.join(folder, name), "utf8")).join("\n");
const page = vm.runInThisContext(`(() => { "use strict";\n${source}\nreturn { ${wanted.join(", ")} }; })()`);

function says(read, table) {
  for (const [input, output] of table) assert.equal(read(input), output, String(input));
}

test("rates have about three digits", () => {
  says(page.perSecond, [[null, "–"], [0, "0"], [0.04, "0"], [0.4, "0.4"], [9.94, "9.9"], [9.96, "10"], [1234.4, "1,234"], [99_999, "99,999"],
    [100_000, "100k"], [999_499, "999k"], [999_500, "1.0M"], [12_340_000, "12.3M"]]);
});

test("bytes go up in steps of 1,024", () => {
  says(page.bytes, [[null, "–"], [0, "0 B"], [1023, "1,023 B"], [1024, "1.0 KiB"], [1536, "1.5 KiB"], [204_800, "200 KiB"], [5 * 1024 ** 3, "5.0 GiB"]]);
});

test("times are told by the two units that matter", () => {
  says(page.duration, [[null, "–"], [undefined, "–"], [0, "0 ms"], [0.337, "0.34 ms"], [12.4, "12 ms"], [-3, "−3 ms"], [999.4, "999 ms"], [999.6, "1 s"],
    [59_949, "59.9 s"], [60_000, "1 min"], [83_000, "1 min 23 s"], [3_600_000, "1 h"], [3_661_000, "1 h 1 min"], [7_199_600, "2 h"], [187_200_000, "2 d 4 h"]]);
});

test("a limit is not said to be used up before it is", () => {
  says(page.percent, [[0, "0 %"], [0.001, "< 1 %"], [0.29, "29 %"], [0.999, "99 %"], [1, "100 %"], [12.5, "1,250 %"], [Infinity, "> 9,999 %"]]);
  assert.equal(page.percent(page.share(57, 100)), "57 %");
  assert.equal(page.share(0, 0), 0);
  assert.equal(page.share(1, 0), Infinity);
});

test("of a name nothing stays invisible, nothing turns the text around, and its length is bounded", () => {
  says(page.shown, [["", ""], ["<b>&amp;", "<b>&amp;"], ["a\nb\u0000", "a‹U+000A›b‹U+0000›"], ["\u202egnp", "‹U+202E›gnp"], ["\u200d\ufeff", "‹U+200D›‹U+FEFF›"],
    ["\ud800", "‹U+D800›"], ["\u{e0041}", "‹U+E0041›"], ["😀é漢", "😀é漢"]]);
  assert.equal(page.shown("a".repeat(120)), "a".repeat(120));
  assert.equal(page.shown("😀".repeat(1000), 3), "😀😀😀…");
});

test("an IPv6 address has brackets in a link", () => {
  assert.equal(page.addressWithPort("127.0.0.1", 9090), "127.0.0.1:9090");
  assert.equal(page.addressWithPort("fd00::1", 9090), "[fd00::1]:9090");
});

test("names are told apart by what they do not have in common", () => {
  says(page.commonStart, [[[], 0], [["pod-a", "pod-b"], 0], [["web-7d9c-aa", "web-7d9c-ab", "web-7d9c-zz"], 9], [["a", "b", "c"], 0],
    [["10.0.0.1", "10.0.0.2", "10.0.0.30"], 7], [["n1", "n12", "n13"], 0]]);
});

test("rates are what counters grew by, by the time that passed", () => {
  const series = new page.Series(60_000, 10_000);
  assert.equal(series.add(1000, "life", { hits: 5 }), null);
  assert.deepEqual(series.add(3000, "life", { hits: 25 }), { hits: 10 });
  assert.equal(series.add(3000, "life", { hits: 25 }), null);
  assert.deepEqual(series.add(3500, "life", { hits: 25 }), { hits: 0 });
  assert.equal(series.max(["hits"]), 10);
});

test("a restart, a counter that shrinks and a long silence are gaps, not rates", () => {
  const series = new page.Series(60_000, 10_000);
  const counts = [[0, "a", 0], [1000, "a", 7], [2000, "b", 9], [3000, "b", 10], [14_000, "b", 20], [15_000, "b", 15], [16_000, "b", 17]];
  const rates = counts.map(([at, life, hits]) => series.add(at, life, { hits })?.hits ?? null);
  assert.deepEqual(rates, [null, 7, null, 1, null, null, 2]);
  assert.deepEqual(series.runs("hits").map((run) => run.map(({ value }) => value)), [[7], [1], [2]]);
});

test("what is older than the chart is forgotten", () => {
  const series = new page.Series(10_000, 5000);
  for (let at = 0; at <= 100_000; at += 1000) series.add(at, "life", { hits: at });
  assert.equal(series.points.length, 11);
});

test("the chart ends at a round number", () => {
  says(page.niceCeiling, [[0, 1], [0.3, 1], [1, 1], [1.2, 2], [2, 2], [3, 5], [7, 10], [10, 10], [1000, 1000], [1001, 2000], [NaN, 1]]);
});
