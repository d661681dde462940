// Small pictures. Each says in words what it shows; none says anything by colour alone.

const DAY = 86400000;
const dayName = (day) =>
  data.first_day
    ? new Date(Date.parse(`${data.first_day}T00:00:00Z`) + day * DAY).toISOString().slice(0, 10)
    : 'unknown';

const runsInWords = (runs) =>
  runs.map(([first, days]) =>
    days === 1 ? dayName(first) : `${dayName(first)} to ${dayName(first + days - 1)}`).join(', ');

// The days of the page, with those marked that the runs hold.
function strip(runs, what = 'seen on') {
  const all = Math.max(data.days, 1);
  const days = sum(runs.map((run) => run[1]));
  const told = days ? `${what} ${count(days, 'day')} of ${number(all)}: ${runsInWords(runs)}` : `${what} no day`;
  // Single days show apart while there is room for a gap between them.
  const gap = all <= 62 ? 0.18 : 0;
  const cell = ([first, length]) => `M${first + gap / 2} 0h${length - gap}v1h${gap - length}z`;
  const single = ([first, length]) => Array.from({ length }, (_, at) => [first + at, 1]);
  const cells = (runs, kind) =>
    el('path', { d: (gap ? runs.flatMap(single) : runs).map(cell).join(''), class: kind });
  const size = { width: Math.min(Math.max(all * 8, 24), 180), height: 12 };
  return el('svg', {
    class: 'strip', viewBox: `0 0 ${all} 1`, preserveAspectRatio: 'none', ...size, role: 'img', 'aria-label': told,
  }, el('title', {}, told), cells([[0, all]], 'off'), cells(runs, 'on'));
}

const PARTS = [
  ['used', 'used'],
  ['kept', 'kept for other reasons'],
  ['unobservable', 'unobservable, kept'],
  ['gone', 'unused, goes'],
  ['idle', 'of principals that were not seen, no draft'],
];

// What becomes of the actions that are allowed today.
function parts({ before = 0, after, used, unobservable }) {
  if (after === undefined) return { used: 0, kept: 0, unobservable: 0, gone: 0, idle: before };
  return { used, kept: Math.max(after - used - unobservable, 0), unobservable, gone: Math.max(before - after, 0), idle: 0 };
}

const filled = (parts) => PARTS.filter(([kind]) => parts[kind] > 0);

function bar(parts) {
  const all = Math.max(sum(Object.values(parts)), 1);
  const told = filled(parts).map(([kind, what]) => `${number(parts[kind])} ${what}`).join(', ') || 'none';
  let x = 0;
  const pieces = PARTS.map(([kind]) => {
    const width = parts[kind] / all;
    x += width;
    return el('rect', { x: x - width, y: 0, width, height: 1, class: kind });
  });
  return el('svg', {
    class: 'bar', viewBox: '0 0 1 1', preserveAspectRatio: 'none', role: 'img', 'aria-label': told,
  }, el('title', {}, told), pieces);
}

const legend = (parts) =>
  el('ul', { class: 'legend' }, filled(parts).map(([kind, what]) =>
    el('li', {}, el('span', { class: `key ${kind}` }), `${number(parts[kind])} ${what}`)));

// How many different permissions were used up to each day.
function discovery(curve) {
  const [width, height, left, bottom, top] = [640, 170, 44, 24, 12];
  const all = Math.max(data.days, 1);
  const total = sum(curve.map(([, fresh]) => fresh));
  const x = (day) => left + ((width - left - 8) * day) / all;
  const y = (value) => height - bottom - ((height - bottom - top) * value) / Math.max(total, 1);
  let seen = 0;
  let line = `M${x(curve[0][0])} ${y(0)}`;
  for (const [day, fresh] of curve) {
    line += `H${x(day).toFixed(1)}`;
    seen += fresh;
    line += `V${y(seen).toFixed(1)}`;
  }
  line += `H${x(all)}`;
  const last = curve[curve.length - 1][0];
  const told = `${count(total, 'permission')} were first used from ${dayName(curve[0][0])} to ${dayName(last)}`;
  const label = (at, down, text, anchor) => el('text', { x: at, y: down, 'text-anchor': anchor }, text);
  const picture = el('svg', { class: 'curve', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': told },
    el('line', { x1: left, x2: width - 8, y1: y(0), y2: y(0), class: 'axis' }),
    el('line', { x1: left, x2: width - 8, y1: y(total), y2: y(total), class: 'guide' }),
    el('path', { d: `${line}V${y(0)}Z`, class: 'area' }),
    el('path', { d: line, class: 'line' }),
    label(left - 6, y(total) + 4, number(total), 'end'),
    label(left - 6, y(0) + 4, '0', 'end'),
    label(left, height - 6, dayName(0), 'start'),
    all > 1 && label(width - 8, height - 6, dayName(all - 1), 'end'));
  const quiet = all - 1 - last;
  const caption = quiet > 0
    ? `${told}; nothing new on the last ${count(quiet, 'day')} of the page.`
    : `${told}: on the last day there was still something new.`;
  return el('figure', {}, picture, el('figcaption', {}, caption),
    fold('The same in numbers', list(curve.map(([day, fresh]) => `${dayName(day)}: ${number(fresh)} new`), { class: 'columns' })));
}
