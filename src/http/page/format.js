// Numbers, times and names as people read them. Pure: tests/interop runs this file in node.

const wholeNumbers = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

function whole(number) {
  return wholeNumbers.format(number);
}

/** A rate in three digits or so: 0.4, 12, 1,234, 56.7k */
function perSecond(number) {
  if (number === null) return "–";
  if (number < 0.05) return "0";
  if (number < 9.95) return number.toFixed(1);
  if (number < 99_999.5) return whole(number);
  return number < 999_500 ? `${(number / 1000).toFixed(0)}k` : `${(number / 1e6).toFixed(1)}M`;
}

function bytes(number) {
  if (number === null) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) {
    number /= 1024;
    unit += 1;
  }
  return `${unit === 0 || number >= 99.95 ? whole(number) : number.toFixed(1)} ${units[unit]}`;
}

/** The two largest units that say something: 0.34 ms, 12 ms, 1.2 s, 3 min 20 s, 2 d 4 h */
function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  const sign = ms < 0 ? "−" : "";
  const size = Math.abs(ms);
  if (size < 9.995) return `${sign}${Number(size.toFixed(2))} ms`;
  if (size < 999.5) return `${sign}${Math.round(size)} ms`;
  if (size < 59_950) return `${sign}${Number((size / 1000).toFixed(1))} s`;
  const seconds = Math.round(size / 1000);
  const parts = [[86_400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([length]) => seconds >= length);
  const shown = parts.slice(first, first + 2).map(([length, unit], at) => {
    const count = Math.floor((at === 0 ? seconds : seconds % parts[first][0]) / length);
    return count === 0 ? "" : ` ${count} ${unit}`;
  });
  return sign + shown.join("").trim();
}

/** The share of a limit that is used; of a limit of 0 any hit is more than all. */
function share(used, limit) {
  if (limit > 0) return used / limit;
  return used > 0 ? Infinity : 0;
}

function percent(part) {
  if (!Number.isFinite(part) || part > 99.99) return "> 9,999 %";
  if (part > 0 && part < 0.01) return "< 1 %";
  return `${whole(Math.floor(part * 100 + 1e-9))} %`;
}

// What shows nothing, or turns around what follows: controls, joiners, directions, separators, tags, surrogates alone.
const treacherous = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029\u115f\u1160\u3164\uffa0]/u;

/** Names come from anybody. Nothing of them stays invisible, and no name fills the page. */
function shown(text, most = 120) {
  let out = "";
  let count = 0;
  for (const character of String(text)) {
    count += 1;
    if (count > most) return `${out}…`;
    out += treacherous.test(character) ? `‹U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}›` : character;
  }
  return out;
}

/** "[::1]:9090" or "127.0.0.1:9090" */
function addressWithPort(address, port) {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** How much all have in common at the start, up to a separator: pods of one Deployment differ in their last letters. */
function commonStart(names) {
  if (names.length < 3) return 0;
  let length = 0;
  while (length < names[0].length && names.every((name) => name[length] === names[0][length])) length += 1;
  return Math.max(0, ...["-", ".", ":", "_"].map((separator) => names[0].lastIndexOf(separator, length - 1) + 1));
}

function counted(count, one, many = `${one}s`) {
  return `${whole(count)} ${count === 1 ? one : many}`;
}
