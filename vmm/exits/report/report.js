'use strict';

// The report's behaviour. Everything shown comes from the JSON in #data; tables were computed by the program, so that
// the numbers here are those of `monitor exits`.

const report = JSON.parse(document.getElementById('data').textContent);
const element = id => document.getElementById(id);

// ---- Words and colours

function duration(ns, digits = 3) {
  for (const [size, unit] of [[1e9, 's'], [1e6, 'ms'], [1e3, 'us']])
    if (ns >= size * 0.9995)
      return `${Number((ns / size).toPrecision(digits))} ${unit}`;
  return `${Math.round(ns)} ns`;
}

const grouped = number => number.toLocaleString('en').replaceAll(',', ' ');

// One hue for each reason, the frequent ones first and well apart.
const kHues = [212, 28, 150, 340, 265, 48, 185, 5, 95, 300];
// Tiers may share a name (IO): it is one filter and one colour for both.
const reasonNames = [...new Set(report.tiers.flatMap(tier => tier.views[0].statistics.reasons.rows.map(row => row[0])))]
  .filter(name => name !== 'total');
function colour(name) {
  const index = reasonNames.indexOf(name);
  if (index < 0)
    return 'hsl(0 0% 55%)';
  const lightness = 52 - 12 * (Math.floor(index / kHues.length) % 3);
  return `hsl(${kHues[index % kHues.length]} 62% ${lightness}%)`;
}

function make(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined)
    node.textContent = text;
  if (className)
    node.className = className;
  return node;
}

// ---- What is shown: one tier or all, one vCPU or all, one reason or all; '' means all

const shown = { tier: '', vcpu: '', reason: '' };

const visibleTiers = () => report.tiers.filter(tier => !shown.tier || tier.name === shown.tier);
const isChosenVcpu = vcpu => shown.vcpu === '' || vcpu === Number(shown.vcpu);

// A tier's numbers for the chosen vCPU, or the sum; undefined where it has seen nothing of that vCPU.
function statisticsOf(tier) {
  const view = shown.vcpu === '' ? tier.views[0] : tier.views.find(one => one.vcpu === Number(shown.vcpu));
  return view?.statistics;
}

// The tiers that have something to show, with their numbers.
const visible = () => visibleTiers().map(tier => ({ tier, statistics: statisticsOf(tier) }))
  .filter(({ statistics }) => statistics);

// A vCPU's tiers lie next to each other.
function visibleTimelines() {
  return visibleTiers().flatMap(tier => tier.timelines.filter(lane => isChosenVcpu(lane.vcpu)).map(lane => ({ ...lane, tier })))
    .sort((a, b) => a.vcpu - b.vcpu);
}

// ---- Tables

function tableNode(table, { keep = () => true, swatches = false, onRow } = {}) {
  const node = make('table');
  const head = node.createTHead().insertRow();
  const filled = table.columns.map((_, i) => table.rows.some(row => row[i] !== ''));
  table.columns.forEach((column, i) => {
    if (filled[i])
      head.append(make('th', column.name, column.right ? 'right' : ''));
  });
  const body = node.createTBody();
  for (const row of table.rows.filter(keep)) {
    const line = body.insertRow();
    row.forEach((text, i) => {
      if (!filled[i])
        return;
      const cell = make('td', text, table.columns[i].right ? 'right' : /^0x/.test(text) ? 'mono' : '');
      if (i === 0 && swatches && reasonNames.includes(text)) {
        const swatch = make('span', '', 'swatch');
        swatch.style.background = colour(text);
        cell.prepend(swatch);
      }
      line.append(cell);
    });
    if (onRow && reasonNames.includes(row[0])) {
      line.className = 'link';
      line.tabIndex = 0;
      line.onclick = () => onRow(row[0]);
      line.onkeydown = event => { if (event.key === 'Enter') onRow(row[0]); };
    }
  }
  const wrapped = make('div');
  wrapped.append(node);
  for (const note of table.notes)
    wrapped.append(make('p', note, 'note'));
  return wrapped;
}

// What each tier has to say, under the tier's name where there are several.
function stacked(id, content) {
  const parts = visible().map(({ tier, statistics }) => [tier, content(statistics, tier)]).filter(([, nodes]) => nodes.length > 0);
  element(id).replaceChildren(...parts.flatMap(([tier, nodes]) =>
    report.tiers.length > 1 ? [make('h3', tier.title), ...nodes] : nodes));
}

function showTables() {
  stacked('reasons', statistics => [tableNode(statistics.reasons, {
    keep: row => !shown.reason || row[0] === shown.reason, swatches: true, onRow: chooseReason })]);
  stacked('hot', statistics => [tableNode(statistics.hot, {
    keep: row => !shown.reason || row.at(-1) === shown.reason })]);
  stacked('addresses', statistics => statistics.addresses.map(table => tableNode(table)));
}

function chooseReason(name) {
  shown.reason = shown.reason === name ? '' : name;
  element('reason').value = shown.reason;
  showAll();
}

// ---- Cards

function showCards() {
  const timelines = visibleTimelines();
  const vcpus = new Set(timelines.map(lane => lane.vcpu)).size;
  let end = 0;
  for (const lane of timelines)
    for (let i = 0; i < lane.at.length; ++i)
      end = Math.max(end, lane.at[i] + lane.after[i]);
  const cards = [];
  for (const { tier, statistics } of visible()) {
    cards.push([grouped(statistics.recorded), `${tier.name} exits`]);
    cards.push([statistics.reasons.rows[0]?.[0] ?? 'none', `most frequent, ${tier.name}`]);
    if (end > 0)
      cards.push([grouped(Math.round(statistics.recorded / (end / 1e9))), `${tier.name} exits per second`]);
  }
  cards.push([String(vcpus), vcpus === 1 ? 'vCPU' : 'vCPUs'], [duration(end), 'recorded time']);
  element('cards').replaceChildren(...cards.map(([value, label]) => {
    const card = make('div', undefined, 'card');
    card.append(make('b', value), make('span', label));
    return card;
  }));
}

// ---- Histogram: powers of two ticks, as the recorder keeps them

function mergedBuckets(histograms) {
  const counts = new Map();
  for (const [from, below, count] of histograms.flat()) {
    const bucket = counts.get(from) ?? [from, below, 0];
    bucket[2] += count;
    counts.set(from, bucket);
  }
  return [...counts.values()].sort((a, b) => a[0] - b[0]);
}

function histogramBars(histograms) {
  const buckets = mergedBuckets(shown.reason ? [histograms[shown.reason] ?? []] : Object.values(histograms));
  const largest = Math.max(1, ...buckets.map(bucket => bucket[2]));
  return buckets.map(([from, below, count]) => {
    const line = make('div', undefined, 'bar');
    line.append(make('span', `${duration(from)} to ${duration(below)}`));
    const value = make('div');
    const bar = make('i');
    bar.style.width = `${70 * count / largest}%`;
    if (shown.reason)
      bar.style.background = colour(shown.reason);
    value.append(bar, make('span', grouped(count)));
    line.append(value);
    return line;
  });
}

function showHistogram() {
  element('histogram-title').textContent = `Latency: ${shown.reason || 'all reasons'}`;
  stacked('histogram', (statistics, tier) => {
    const bars = histogramBars(statistics.histograms);
    return [make('p', tier.afterLabel, 'note'), ...(bars.length > 0 ? bars : [make('p', 'none', 'note')])];
  });
}

// ---- Timeline: a lane for each vCPU; wheel zooms, dragging moves, a double click shows everything

const kLane = 46, kAxis = 24, kLabel = report.tiers.length > 1 ? 92 : 64;
const timeline = { from: 0, to: 1, first: 0, last: 1 };

function timelineBounds() {
  let first = Infinity, last = -Infinity;
  for (const lane of visibleTimelines()) {
    if (lane.at.length === 0)
      continue;
    first = Math.min(first, lane.at[0] - lane.before[0]);
    last = Math.max(last, lane.at.at(-1) + lane.after.at(-1));
  }
  return first < last ? [Math.max(0, first), last] : [0, 1];
}

function resetTimeline() {
  [timeline.first, timeline.last] = timelineBounds();
  [timeline.from, timeline.to] = [timeline.first, timeline.last];
}

// The first exit that ends at or after a time.
function firstAt(lane, time) {
  let low = 0, high = lane.at.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lane.at[middle] + lane.after[middle] < time)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

const reasonOf = (lane, i) => report.strings[lane.reason[i]];

function drawLane(context, lane, top, width, x) {
  const style = getComputedStyle(document.documentElement);
  context.fillStyle = style.getPropertyValue('--faint');
  context.fillText(`vCPU ${lane.vcpu}`, 8, top + kLane / 2 - (report.tiers.length > 1 ? 7 : 0));
  if (report.tiers.length > 1)
    context.fillText(lane.tier.name, 8, top + kLane / 2 + 7);
  const start = firstAt(lane, timeline.from);
  const stop = Math.min(firstAt(lane, timeline.to) + 1, lane.at.length);
  context.fillStyle = style.getPropertyValue('--guest');
  for (let i = start, reached = -1; i < stop; ++i) {
    const right = Math.ceil(x(lane.at[i]));
    if (right <= reached)
      continue;  // nothing new on this pixel
    const left = Math.max(x(lane.at[i] - lane.before[i]), kLabel);
    context.fillRect(left, top + 14, Math.max(right - left, 0), kLane - 24);
    reached = right;
  }
  const reached = new Map();  // by reason: the last pixel that it has coloured
  for (let i = start; i < stop; ++i) {
    const name = reasonOf(lane, i);
    if (shown.reason && name !== shown.reason)
      continue;
    const left = Math.max(x(lane.at[i]), kLabel);
    const right = Math.max(x(lane.at[i] + lane.after[i]), left + 1);
    if (right <= kLabel || left > width || Math.ceil(right) <= (reached.get(name) ?? -1))
      continue;
    context.fillStyle = colour(name);
    context.fillRect(left, top + 8, right - left, kLane - 16);
    reached.set(name, Math.ceil(right));
  }
}

function drawAxis(context, width, height, x) {
  const style = getComputedStyle(document.documentElement);
  const span = timeline.to - timeline.from;
  const rough = span / Math.max(2, (width - kLabel) / 130);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= rough);
  context.strokeStyle = style.getPropertyValue('--line');
  context.fillStyle = style.getPropertyValue('--faint');
  // Deep inside a long recording three digits no longer tell ticks apart: then they count from the first one.
  const first = Math.ceil(timeline.from / step) * step;
  const relative = span < timeline.from / 20;
  for (let i = 0; first + i * step <= timeline.to; ++i) {
    const left = x(first + i * step);
    context.beginPath();
    context.moveTo(left, 0);
    context.lineTo(left, height - kAxis + 4);
    context.stroke();
    const label = !relative ? duration(first + i * step) : i === 0 ? duration(first, 9) : `+${duration(i * step)}`;
    context.fillText(label, left + 3, height - kAxis / 2);
  }
}

function drawTimeline() {
  const canvas = element('timeline');
  const lanes = visibleTimelines();
  const width = canvas.clientWidth, height = lanes.length * kLane + kAxis;
  const ratio = window.devicePixelRatio || 1;
  canvas.style.height = `${height}px`;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext('2d');
  context.scale(ratio, ratio);
  context.font = '12px system-ui, sans-serif';
  context.textBaseline = 'middle';
  const scale = (width - kLabel) / (timeline.to - timeline.from);
  const x = time => kLabel + (time - timeline.from) * scale;
  drawAxis(context, width, height, x);
  lanes.forEach((lane, i) => drawLane(context, lane, i * kLane, width, x));
}

function moveTimeline(from, to) {
  const whole = timeline.last - timeline.first;
  const span = Math.min(Math.max(to - from, 20), whole);
  timeline.from = Math.min(Math.max(from, timeline.first), timeline.last - span);
  timeline.to = timeline.from + span;
  element('tip').hidden = true;
  drawTimeline();
}

function zoom(factor, at) {
  moveTimeline(at - (at - timeline.from) * factor, at + (timeline.to - at) * factor);
}

function timeAt(event) {
  const canvas = element('timeline');
  return timeline.from + (event.offsetX - kLabel) / (canvas.clientWidth - kLabel) * (timeline.to - timeline.from);
}

function showTip(event) {
  const tip = element('tip');
  const lane = visibleTimelines()[Math.floor(event.offsetY / kLane)];
  const time = timeAt(event);
  tip.hidden = true;
  if (!lane || event.offsetX < kLabel)
    return;
  // A pixel may hold many exits: take the first at or after it that the filter lets through.
  let i = firstAt(lane, time);
  while (i < lane.at.length && shown.reason && reasonOf(lane, i) !== shown.reason)
    ++i;
  if (i >= lane.at.length || lane.at[i] - lane.before[i] > timeline.to)
    return;
  tip.textContent = `${reasonOf(lane, i)} at ${duration(lane.at[i])}\n${report.strings[lane.detail[i]]}\n` +
    `${lane.tier.beforeLabel} ${duration(lane.before[i])}, ${lane.tier.afterLabel} ${duration(lane.after[i])}`;
  tip.hidden = false;
  tip.style.left = `${Math.min(event.offsetX + 14, element('timeline').clientWidth - tip.offsetWidth - 8)}px`;
  tip.style.top = `${Math.min(event.offsetY + 10, Math.max(0, element('timeline').clientHeight - tip.offsetHeight))}px`;
}

function listenToTimeline() {
  const canvas = element('timeline');
  let grabbed = null;
  canvas.addEventListener('wheel', event => {
    event.preventDefault();
    zoom(event.deltaY < 0 ? 0.8 : 1.25, timeAt(event));
  }, { passive: false });
  canvas.addEventListener('pointerdown', event => {
    grabbed = timeAt(event);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointerup', () => { grabbed = null; });
  canvas.addEventListener('pointermove', event => {
    if (grabbed === null)
      return showTip(event);
    const shift = grabbed - timeAt(event);
    moveTimeline(timeline.from + shift, timeline.to + shift);
  });
  canvas.addEventListener('pointerleave', () => { element('tip').hidden = true; });
  canvas.addEventListener('dblclick', () => { resetTimeline(); drawTimeline(); });
  canvas.addEventListener('keydown', event => {
    const span = timeline.to - timeline.from, middle = timeline.from + span / 2;
    const actions = {
      '+': () => zoom(0.5, middle), '-': () => zoom(2, middle), '0': () => { resetTimeline(); drawTimeline(); },
      ArrowLeft: () => moveTimeline(timeline.from - span / 5, timeline.to - span / 5),
      ArrowRight: () => moveTimeline(timeline.from + span / 5, timeline.to + span / 5),
    };
    if (actions[event.key]) {
      event.preventDefault();
      actions[event.key]();
    }
  });
  window.addEventListener('resize', drawTimeline);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawTimeline);
}

function showTimelineNotes() {
  const cut = visibleTimelines().filter(lane => lane.at.length < lane.total)
    .map(lane => `vCPU ${lane.vcpu} shows the last ${grouped(lane.at.length)} of ${grouped(lane.total)} ${lane.tier.name} exits.`);
  element('timeline-note').textContent =
    ['Wheel or + and - to zoom, drag or arrow keys to move, double click or 0 for all.', ...cut].join(' ');
  element('legend').replaceChildren(...reasonNames.map(name => {
    const entry = make('span');
    const swatch = make('span', '', 'swatch');
    swatch.style.background = colour(name);
    entry.append(swatch, name);
    return entry;
  }));
}

// ---- Start

function showAll() {
  showCards();
  showTables();
  showHistogram();
  showTimelineNotes();
  drawTimeline();
}

// A choice of one or all. Its name is that of what it chooses in `shown`.
function fillFilter(name, options) {
  element(name).append(new Option('all', ''), ...options.map(([text, value]) => new Option(text, value)));
  element(name).onchange = event => {
    shown[name] = event.target.value;
    if (name !== 'reason')
      resetTimeline();
    showAll();
  };
}

function start() {
  document.title = `VM exits ${report.kernel}`;
  element('kernel').textContent = report.kernel;
  element('about').textContent = [...report.tiers.map(tier => tier.title), report.started].filter(Boolean).join(' · ');
  const losses = report.tiers.flatMap(tier =>
    tier.losses.map(line => report.tiers.length > 1 ? `${tier.name}: ${line}` : line));
  element('losses').replaceChildren(...[...report.notes, ...losses].map(line => make('li', line)));
  const vcpus = [...new Set(report.tiers.flatMap(tier => tier.timelines.map(lane => lane.vcpu)))].sort((a, b) => a - b);
  fillFilter('tier', report.tiers.map(tier => [tier.name, tier.name]));
  fillFilter('vcpu', vcpus.map(vcpu => [`vCPU ${vcpu}`, vcpu]));
  fillFilter('reason', reasonNames.map(name => [name, name]));
  element('tier').parentElement.hidden = report.tiers.length < 2;
  element('filters').onreset = () => {
    Object.assign(shown, { tier: '', vcpu: '', reason: '' });
    resetTimeline();
    showAll();
  };
  listenToTimeline();
  resetTimeline();
  showAll();
}

start();
