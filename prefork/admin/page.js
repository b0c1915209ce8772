"use strict";

const KEPT_MS = 5 * 60 * 1000;
const SHOWN_WORKERS = 64;
const LANE = 22; // height of a worker's lane
const SVG = "http://www.w3.org/2000/svg";
const samples = []; // of /history, oldest first
let last = null; // of /status

const $ = (id) => document.getElementById(id);

function element(name, text, attributes = {}) {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  return e;
}

function shape(name, attributes, text) {
  const e = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (text !== undefined) e.textContent = text;
  return e;
}

// Numbers as people read them.

function count(n) {
  return n >= 100 ? Math.round(n).toLocaleString("en") : n >= 10 || Number.isInteger(n) ? String(Math.round(n)) : n.toFixed(1);
}

// Two digits at least, and no more than that behind the point.
function digits(n) {
  return n >= 10 ? String(Math.round(n)) : n.toPrecision(2).replace(/\.0$/, "");
}

function duration(s) {
  if (s === 0) return "0";
  if (s < 1e-3) return digits(s * 1e6) + " µs";
  if (s < 1) return digits(s * 1e3) + " ms";
  if (s < 60) return digits(s) + " s";
  if (s < 3600) return Math.floor(s / 60) + " min " + Math.floor(s % 60) + " s";
  if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor((s % 3600) / 60) + " min";
  return Math.floor(s / 86400) + " d " + Math.floor((s % 86400) / 3600) + " h";
}

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
  return (i === 0 ? n : n.toPrecision(3)) + " " + units[i];
}

// The smallest of 1, 2, 5, 10 ... times a power of ten that is not less than n.
function roundUp(n) {
  const power = 10 ** Math.floor(Math.log10(n));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= n * 0.999999);
}

// Charts: the newest second is at the right edge, as many minutes ago as there are samples of, up to five, at the left.

let shownMs = 60000;

const PLOT = { left: 58, right: 592, top: 12, bottom: 142 };
const LANES = { left: 58, right: 1192 };

// Gives a drawing the width that it has on the screen, so that its text has the size of other text.
function fit(svg, box, height) {
  const width = Math.max(280, svg.clientWidth);
  box.right = width - 8;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();
}

function x(time, now, box = PLOT) {
  return box.right - ((now - time) / shownMs) * (box.right - box.left);
}

function drawAxes(svg, now, ticks, y, format) {
  for (const tick of ticks) {
    svg.append(shape("line", { class: "grid", x1: PLOT.left, x2: PLOT.right, y1: y(tick), y2: y(tick) }));
    svg.append(shape("text", { x: PLOT.left - 6, y: y(tick) + 4, "text-anchor": "end" }, format(tick)));
  }
  drawMinutes(svg, now, PLOT, PLOT.bottom + 18);
}

function drawMinutes(svg, now, box, y) {
  const minutes = shownMs / 60000;
  for (let minute = 0; minute <= minutes; minute++) {
    const label = minute === 0 ? "now" : "−" + minute + " min";
    const anchor = minute === 0 ? "end" : minute === minutes ? "start" : "middle";
    svg.append(shape("text", { x: x(now - minute * 60000, now, box), y, "text-anchor": anchor }, label));
  }
}

// A line breaks where samples are missing, because no master was there to take them, and where there was nothing to
// measure: value gives undefined. A sample that stands alone is a dot.
function drawLine(svg, now, name, y, value) {
  let path = "";
  let before = 0;
  for (const s of samples) {
    const shown = value(s);
    if (shown === undefined) {
      before = 0;
      continue;
    }
    const at = x(s.time, now).toFixed(1) + " " + y(shown).toFixed(1);
    path += s.time - before > 3000 ? "M" + at + "h0" : "L" + at;
    before = s.time;
  }
  if (path !== "") svg.append(shape("path", { class: "plot " + name, d: path }));
}

function drawRequests(now) {
  const svg = $("requests");
  const top = roundUp(Math.max(1, ...samples.map((s) => s.rps)));
  const y = (n) => PLOT.bottom - (n / top) * (PLOT.bottom - PLOT.top);
  fit(svg, PLOT, 170);
  drawAxes(svg, now, [0, top / 2, top], y, count);
  drawLine(svg, now, "requests", y, (s) => s.rps);
  drawLine(svg, now, "errors", y, (s) => s.errors);
  const s = samples.at(-1);
  svg.setAttribute("aria-label", s ? `Now ${count(s.rps)} requests per second, ${count(s.errors)} of them answered 5xx; ` +
    `the most in five minutes was ${count(Math.max(...samples.map((each) => each.rps)))}` : "no data yet");
}

// In a second without a response nothing took any time.
const latencyOf = (s) => (s.p99 > 0 ? s : {});

// Latency spans decades, so its axis is logarithmic.
function drawLatency(now) {
  const svg = $("latency");
  const seen = samples.flatMap((s) => [s.p50, s.p99]).filter((s) => s > 0);
  const low = Math.floor(Math.log10(Math.min(1e-4, ...seen)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(1e-3, ...seen))));
  const y = (s) => PLOT.bottom - ((Math.log10(Math.max(s, 10 ** low)) - low) / (high - low)) * (PLOT.bottom - PLOT.top);
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  fit(svg, PLOT, 170);
  drawAxes(svg, now, ticks, y, duration);
  drawLine(svg, now, "p50", y, (s) => latencyOf(s).p50);
  drawLine(svg, now, "p99", y, (s) => latencyOf(s).p99);
  const s = samples.findLast((s) => s.p99 > 0);
  svg.setAttribute("aria-label", s ? `p50 ${duration(s.p50)}, p99 ${duration(s.p99)}` +
    (s === samples.at(-1) ? " now" : " when there last was a response") : "no response in five minutes");
}

// One lane for each worker: a bar for each stretch in one state, a mark where another process began.
function drawLanes(now) {
  const svg = $("lanes");
  const slots = Math.min(SHOWN_WORKERS, Math.max(0, ...samples.map((s) => s.states.length)));
  fit(svg, LANES, slots * LANE + 26);
  let births = 0;
  for (let slot = 0; slot < slots; slot++) {
    svg.append(shape("text", { x: LANES.left - 6, y: slot * LANE + 15, "text-anchor": "end" }, String(slot)));
    births += drawLane(svg, now, LANES, slot);
  }
  drawMinutes(svg, now, LANES, slots * LANE + 18);
  svg.setAttribute("aria-label", `${slots} workers; ${births} new processes in the last five minutes`);
}

function drawLane(svg, now, box, slot) {
  const bar = (from, to, state) => svg.append(shape("rect", {
    class: state === "-" ? "lane-gone" : "lane-" + state, x: from, width: Math.max(to - from, 0.5), y: slot * LANE + 4, height: LANE - 8,
  }));
  const births = [];
  let begin = null;
  samples.forEach((s, i) => {
    const state = s.states[slot];
    if (state === undefined) return;
    const at = x(s.time - 1000, now, box);
    const before = samples[i - 1];
    if (before && before.states[slot] !== undefined && before.generations[slot] !== s.generations[slot]) births.push(at);
    if (begin && (begin.state !== state || s.time - before.time > 3000)) {
      bar(begin.at, begin.state !== state ? at : x(before.time, now, box), begin.state);
      begin = null;
    }
    begin ??= { at: Math.max(at, box.left), state };
  });
  if (begin) bar(begin.at, x(samples.at(-1).time, now, box), begin.state);
  for (const at of births) svg.append(shape("line", { class: "birth", x1: at, x2: at, y1: slot * LANE + 1, y2: slot * LANE + LANE - 1 }));
  return births.length;
}

// Text.

function showTiles() {
  const s = samples.at(-1);
  const tiles = [
    ["requests per second", s ? count(s.rps) : "–"],
    ["answered 5xx per second", s ? count(s.errors) : "–"],
    ["latency p50", s?.p99 > 0 ? duration(s.p50) : "–"],
    ["latency p99", s?.p99 > 0 ? duration(s.p99) : "–"],
    ["connections", count(last.connections)],
    ["requests in flight", count(last.in_flight)],
    ["workers ready", `${last.workers_ready} of ${last.workers_wanted}`],
  ];
  $("tiles").replaceChildren(...tiles.map(([name, value]) => {
    const tile = element("div");
    tile.append(element("dt", name), element("dd", value));
    return tile;
  }));
}

function setText(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text; // so that screen readers hear changes only
}

function showHeader() {
  setText("program", last.program);
  document.title = last.program + " – libforker";
  setText("version", last.version);
  setText("phase", last.phase + (last.ready || last.phase !== "serving" ? "" : ", no worker is ready"));
  $("phase").className = "pill " + (last.ready ? "good" : last.phase === "starting" ? "" : "bad");
  setText("tree", `up ${duration(last.uptime_seconds)}, spawner ${last.spawner_pid}, master ${last.master_pid}` +
    (last.master_starts > 1 ? ` (number ${last.master_starts})` : ""));
}

function describeHandshakes(h) {
  const full = h.tls12_full + h.tls13_full, resumed = h.tls12_resumed + h.tls13_resumed;
  const failed = h.client_left + h.timeout + h.client_certificate + h.protocol + h.clear_text;
  return `${count(h.tls13_full + h.tls13_resumed)} of TLS 1.3, ${count(h.tls12_full + h.tls12_resumed)} of TLS 1.2; ` +
    `${count(resumed)} of ${count(full + resumed)} resumed; ${count(failed)} failed`;
}

function tlsFacts() {
  if (last.certificates.length === 0) return [];
  const expiry = (c) => (c.expires_seconds < 0 ? "expired" : "expires in " + duration(c.expires_seconds));
  return [...last.certificates.map((c) => ["certificate", `${c.name}, ${expiry(c)}`]), ["TLS handshakes", describeHandshakes(last.tls_handshakes)]];
}

function showSetup() {
  const facts = [["addresses", last.addresses.join(", ")], ...tlsFacts(), ...Object.entries(last.options).sort()];
  $("setup").replaceChildren(...facts.flatMap(([name, value]) => {
    const fact = element("dd");
    fact.append(element("code", value));
    return [element("dt", name), fact];
  }));
}

function showWorkers() {
  $("workers").replaceChildren(...last.workers.slice(0, SHOWN_WORKERS).map((w) => {
    const row = element("tr");
    const lives = w.pid > 0;
    row.append(
      element("th", w.index, { scope: "row" }),
      element("td", lives ? w.state : "no process", { class: "state-" + w.state }),
      element("td", lives ? w.pid : ""),
      element("td", w.generation),
      element("td", lives ? duration(w.age_seconds) : ""),
      element("td", lives ? bytes(w.rss_bytes) : ""),
      element("td", count(w.connections)),
      element("td", count(w.requests)),
      element("td", w.busy ? `${w.busy.method} ${w.busy.target} for ${duration(w.busy.seconds)}` : ""),
    );
    return row;
  }));
  const more = last.workers.length - SHOWN_WORKERS;
  $("more").hidden = more <= 0;
  $("more").textContent = `… and ${more} more, see /status`;
}

function showCrash() {
  const exits = Object.entries(last.worker_exits).filter(([, n]) => n > 0).map(([reason, n]) => `${reason} ${n}`);
  setText("exits", exits.length > 0 ? "Processes that are gone, by reason: " + exits.join(", ") : "");
  const crash = last.last_crash;
  if (crash === null) return;
  const how = crash.signal || (crash.exit_status >= 0 ? "exit status " + crash.exit_status : "reaped by somebody else");
  const facts = [
    ["when", new Date(crash.time).toLocaleString()],
    ["who", `worker ${crash.worker}, process no. ${crash.generation}, pid ${crash.pid}, ${duration(crash.age_seconds)} old`],
    ["how", `${crash.reason}, ${how}`],
    ["request", crash.request ? `${crash.request.method} ${crash.request.target}` : "none was inside a handler"],
  ];
  if (crash.request) facts.push(["from", `${crash.request.peer}, ${duration(crash.request.seconds)} inside the handler`]);
  if (crash.last_words) facts.push(["last error line", crash.last_words]);
  const list = element("dl", undefined, { class: "facts" });
  for (const [name, value] of facts) {
    const fact = element("dd");
    fact.append(name === "request" && crash.request || name === "last error line" ? element("code", value) : value);
    list.append(element("dt", name), fact);
  }
  $("crash").replaceChildren(list);
}

// Polling. While no master is there to answer, the last picture stays and says so.

async function fetchJSON(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(5000) });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

async function poll() {
  try {
    const [status, history] = await Promise.all([fetchJSON("status"), fetchJSON("history?since=" + (samples.at(-1)?.time ?? 0))]);
    last = status;
    samples.push(...history);
    const now = Date.parse(status.time);
    while (samples.length > 0 && samples[0].time < now - KEPT_MS) samples.shift();
    shownMs = Math.min(KEPT_MS, Math.max(1, Math.ceil((now - (samples[0]?.time ?? now)) / 60000)) * 60000);
    showHeader();
    showTiles();
    drawRequests(now);
    drawLatency(now);
    drawLanes(now);
    showWorkers();
    showSetup();
    showCrash();
  } catch {
    setText("phase", "no response");
    $("phase").className = "pill bad";
  }
  setTimeout(poll, document.hidden ? 5000 : 1000);
}

poll();
