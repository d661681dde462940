// The overview: tiles, and a table of principals that is searched, filtered and sorted.

const PAGE = 50;
const KINDS = { role: 'Role', user: 'User', shared: 'Shared policy' };

const shown = { entries: [], upTo: PAGE, sort: 'name', down: false };

const shortName = (entry) =>
  entry.kind === 'shared' ? entry.name.replace(/^arn:[^:]*:iam::\d*:policy\//u, '')
    : entry.name.replace(/^arn:[^:]*:iam::\d*:(role|user)\//u, '');
const worst = (findings) => findings[0] * 1e6 + findings[1] * 1e3 + findings[2];
const lastDay = (entry) => (entry.days.length ? sum(entry.days[entry.days.length - 1]) : -1);
const badge = (status) => el('span', { class: `badge ${status.replaceAll(' ', '-')}` }, status);
const dash = () => [el('span', { class: 'muted', 'aria-hidden': 'true' }, '–'), el('span', { class: 'away' }, 'none')];
const figure = (value) => (value === undefined ? dash() : number(value));

function shrinks({ before, after }) {
  if (after === undefined) return [figure(before), el('span', { class: 'muted' }, ' no draft')];
  return [number(before), el('span', { class: 'arrow' }, ' → '), el('b', {}, number(after)), ' ',
    el('span', { class: 'muted less' }, less(before, after))];
}

function findingsCell([errors, warnings, notes]) {
  const told = [[errors, 'error'], [warnings, 'warning'], [notes, 'note']].filter(([many]) => many);
  if (!told.length) return dash();
  return told.map(([many, kind], at) => [at > 0 && ' ', el('span', { class: `badge ${kind}` }, count(many, kind))]);
}

const seenCell = (entry) => (entry.days.length ? strip(entry.days, 'active on') : dash());
const callsCell = (entry) => (entry.calls ? `${entry.about ? '≈' : ''}${number(entry.calls)}` : dash());

// Columns: a key, a heading, what to sort by, what to show, and whether it is a number.
const COLUMNS = data.compares ? [
  ['name', 'Principal', shortName, nameCell],
  ['status', 'Result', (entry) => entry.status, (entry) => badge(entry.status)],
  ['shrinks', 'Allowed actions', (entry) => entry.numbers.before - (entry.numbers.after ?? entry.numbers.before), (entry) => shrinks(entry.numbers), true],
  ['parts', 'Becomes', (entry) => parts(entry.numbers).gone / (entry.numbers.before || 1), (entry) => bar(parts(entry.numbers))],
  ['used', 'Used', (entry) => entry.numbers.used, (entry) => figure(entry.numbers.used), true],
  ['blind', 'Unobservable', (entry) => entry.numbers.unobservable, (entry) => figure(entry.numbers.unobservable), true],
  ['unused', 'Unused', (entry) => parts(entry.numbers).gone, (entry) => figure(parts(entry.numbers).gone), true],
  ['calls', 'Calls', (entry) => entry.calls, callsCell, true],
  ['days', 'Days', lastDay, seenCell],
  ['findings', 'Findings', (entry) => worst(entry.findings), (entry) => findingsCell(entry.findings)],
] : [
  ['name', 'Principal', shortName, nameCell],
  ['status', 'Draft', (entry) => entry.status, (entry) => badge(entry.status)],
  ['after', 'Actions', (entry) => entry.numbers.after ?? -1, (entry) => figure(entry.numbers.after), true],
  ['anywhere', 'On every resource', (entry) => entry.numbers.anywhere_after ?? -1, (entry) => figure(entry.numbers.anywhere_after), true],
  ['refused', 'Tried, not granted', (entry) => entry.numbers.refused, (entry) => figure(entry.numbers.refused || undefined), true],
  ['unmapped', 'Not mapped', (entry) => entry.numbers.unmapped, (entry) => figure(entry.numbers.unmapped || undefined), true],
  ['calls', 'Calls', (entry) => entry.calls, callsCell, true],
  ['days', 'Days', lastDay, seenCell],
];

function nameCell(entry) {
  return [
    el('a', { href: `#p${entry.at}` }, code(shortName(entry))),
    entry.workload && el('span', { class: 'under' }, 'workload ', code(entry.workload)),
    el('span', { class: 'under muted' }, [KINDS[entry.kind], entry.account].filter(Boolean).join(' · ')),
  ];
}

const row = (entry) =>
  el('tr', {}, COLUMNS.map(([key, heading, , cell, isNumber], at) =>
    el(at ? 'td' : 'th', { scope: at ? undefined : 'row', class: `${key}${isNumber ? ' number' : ''}`, 'data-label': heading }, cell(entry))));

function headings() {
  const cells = COLUMNS.map(([key, heading, , , isNumber]) => {
    const sorted = shown.sort === key;
    const sort = sorted ? (shown.down ? 'descending' : 'ascending') : undefined;
    const button = el('button', { type: 'button' }, heading, sorted && el('span', { class: 'sort', 'aria-hidden': 'true' }, shown.down ? '▾' : '▴'));
    button.addEventListener('click', () => {
      shown.down = sorted ? !shown.down : key !== 'name' && key !== 'status';
      shown.sort = key;
      headings();
      search();
      byId('entries').querySelector(`th.${key} button`).focus();
    });
    return el('th', { scope: 'col', class: `${key}${isNumber ? ' number' : ''}`, 'aria-sort': sort }, button);
  });
  byId('entries').tHead.replaceChildren(el('tr', {}, cells));
}

// Looks for all words of the search, under the filters.
function matching() {
  const words = byId('search').value.toLowerCase().split(/\s+/u).filter(Boolean);
  const [status, account, kind] = ['status', 'account', 'kind'].map((id) => byId(id).value);
  const found = data.entries.filter((entry) =>
    (!status || entry.status === status) && (!account || entry.account === account)
    && (!kind || entry.kind === kind) && words.every((word) => entry.words.includes(word)));
  const [, , by] = COLUMNS.find(([key]) => key === shown.sort);
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const order = (a, b) => compare(by(a), by(b)) || 0;
  found.sort((a, b) => (shown.down ? order(b, a) : order(a, b)) || a.at - b.at);
  return found;
}

function search() {
  shown.entries = matching();
  shown.upTo = PAGE;
  fill();
}

function fill() {
  const { entries, upTo } = shown;
  byId('entries').tBodies[0].replaceChildren(...entries.slice(0, upTo).map(row));
  const left = entries.length - upTo;
  byId('matches').value = `${number(entries.length)} of ${number(data.entries.length)} match${left > 0 ? `, the first ${number(upTo)} are shown` : ''}`;
  const more = (what, upToThen) => {
    const button = el('button', { type: 'button' }, what);
    button.addEventListener('click', () => {
      const next = shown.upTo;
      shown.upTo = upToThen;
      fill();
      byId('entries').tBodies[0].rows[next]?.querySelector('a').focus();
    });
    return button;
  };
  byId('more').replaceChildren(...(left > 0
    ? [more(`Show ${number(Math.min(PAGE, left))} more`, upTo + PAGE), ' ', more(`Show all ${number(entries.length)}`, entries.length)]
    : []));
}

function tile(value, what, under) {
  return el('div', { class: 'tile' }, el('dt', {}, what), el('dd', {}, el('span', { class: 'big' }, value), under && el('span', { class: 'under muted' }, under)));
}

function tiles() {
  const people = data.entries.filter((entry) => entry.kind !== 'shared');
  const statuses = [...Map.groupBy(people, (entry) => entry.status)].map(([status, all]) => `${number(all.length)} ${status}`).join(', ');
  const total = (of) => sum(people.map((entry) => of(entry.numbers) ?? 0));
  const tiles = [tile(number(people.length), people.length === 1 ? 'Principal' : 'Principals', statuses)];
  let picture = [];
  if (data.compares) {
    const before = total((numbers) => numbers.before);
    const after = total((numbers) => numbers.after ?? numbers.before);
    const wide = total((numbers) => numbers.anywhere_before);
    const narrow = total((numbers) => (numbers.after === undefined ? numbers.anywhere_before : numbers.anywhere_after));
    const all = people.map((entry) => parts(entry.numbers));
    const joined = Object.fromEntries(PARTS.map(([kind]) => [kind, sum(all.map((one) => one[kind]))]));
    const findings = [0, 1, 2].map((at) => sum(people.map((entry) => entry.findings[at])));
    tiles.push(
      tile([number(before), el('span', { class: 'arrow' }, ' → '), number(after)], 'Allowed actions, over all principals', less(before, after) || 'nothing goes'),
      tile([number(wide), el('span', { class: 'arrow' }, ' → '), number(narrow)], 'Of them on every resource, although they take ARNs', less(wide, narrow) || 'as before'),
      tile(number(sum(findings)), 'Findings', ['error', 'warning', 'note'].map((kind, at) => count(findings[at], kind)).join(', ')));
    picture = [el('figure', { class: 'sum' }, el('figcaption', {}, 'What becomes of the allowed actions'), bar(joined), legend(joined))];
  } else {
    tiles.push(
      tile(number(total((numbers) => numbers.after)), 'Allowed actions, over all principals', `${number(total((numbers) => numbers.anywhere_after))} of them on every resource, although they take ARNs`),
      tile(number(total((numbers) => numbers.refused)), 'Tried and not granted', 'refused, or not proved'),
      tile(number(total((numbers) => numbers.unmapped)), 'Events not mapped', 'what they need is not in the drafts'));
  }
  byId('tiles').replaceChildren(el('dl', { class: 'tiles' }, tiles), ...picture);
}

function choices(id, all, name) {
  const values = [...new Set(all)].filter(Boolean).sort();
  byId(id).replaceChildren(el('option', { value: '' }, 'All'), ...values.map((value) => el('option', { value }, name(value))));
  byId(id).parentElement.hidden = values.length < 2;
}

function coverageTable(lines) {
  return el('div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': 'Coverage' }, el('table', { class: 'plain' },
    el('thead', {}, el('tr', {}, ['Account', 'Region', 'Kind of call', 'Days covered', 'In words'].map((name) => el('th', { scope: 'col' }, name)))),
    el('tbody', {}, lines.map((line) => el('tr', {},
      el('td', {}, line.account), el('td', {}, line.region), el('td', {}, code(line.name)),
      el('td', {}, strip(line.covered, 'covered on')), el('td', {}, line.verdict))))));
}

// A list of which the first are shown and the rest on demand.
function long(items, make, size = PAGE) {
  const box = el('div');
  const show = (upTo) => {
    const left = items.length - upTo;
    box.replaceChildren(make(items.slice(0, upTo)));
    if (left > 0) {
      const button = el('button', { type: 'button' }, `Show ${number(Math.min(left, size * 5))} more of ${number(items.length)}`);
      button.addEventListener('click', () => show(upTo + size * 5));
      box.append(el('p', {}, button));
    }
  };
  show(size);
  return box;
}

function notices() {
  const lost = data.input.skipped.filter((one) => one.loses);
  const notices = [];
  if (lost.length) {
    notices.push(el('div', { class: 'notice' }, el('p', {}, el('b', {}, `${count(lost.length, 'place')} could not be read.`), ' What happened there is in none of the numbers.'),
      fold('Which', long(lost, (some) => list(some.map((one) => [code(one.path), `: ${one.detail}`]))))));
  }
  byId('notices').replaceChildren(...notices);
}

function appendix() {
  const parts = [];
  if (data.coverage.length) {
    parts.push(fold('Coverage: where CloudTrail was looking',
      el('p', {}, 'Only what is covered can be called unused. A day is covered where no call of the kind can have been missed.'),
      long(data.coverage, coverageTable),
      data.trails.length > 0 && [el('h3', {}, 'Trails'), list(data.trails.map(([trail, told]) => [code(trail), ': ', prose(told)]))]));
  }
  if (data.not_in_dump.length) {
    parts.push(fold(`Seen, and not in the account dump: ${number(data.not_in_dump.length)}`, long(data.not_in_dump, (some) => list(some.map(code)))));
  }
  if (data.outsiders.length) {
    parts.push(fold(`Callers that get no policy: ${number(data.outsiders.length)}`,
      long(data.outsiders, (some) => list(some.map(([who, why, seen]) => [code(who), `: ${why}, ${about(seen)}, last ${minute(seen.last)}`])))));
  }
  parts.push(fold('How this page was made', terms([
    ['Tool', `${data.tool.name} ${data.tool.version}`],
    ['Catalog', [data.tool.catalog.map((one) => `${one.name} ${one.version}`).join(', '), data.tool.catalog_digest && [', digest ', code(data.tool.catalog_digest)]]],
    ['Input', `${count(data.input.records, 'record')} in ${count(data.input.files, 'file')}`],
    ...data.options.map(([name, value]) => [name[0].toUpperCase() + name.slice(1), value]),
  ])));
  byId('appendix').replaceChildren(el('h2', {}, 'Behind the numbers'), ...parts);
}

function overview() {
  data.entries.forEach((entry, at) => { entry.at = at; });
  const days = data.days > 0 ? `${dayName(0)} to ${dayName(data.days - 1)}` : 'no day';
  byId('title').textContent = data.compares ? 'What is attached, and what was used' : 'Policies from what was used';
  byId('lead').replaceChildren(
    `${days} · ${count(data.input.records, 'record')} in ${count(data.input.files, 'file')} · `,
    data.compares ? 'drafts restrict what is attached to what was used and what the log could not have shown.'
      : 'drafts allow what was seen, for the events observed and no more.');
  choices('status', data.entries.map((entry) => entry.status), (status) => status);
  choices('account', data.entries.map((entry) => entry.account), (account) => account);
  choices('kind', data.entries.map((entry) => entry.kind), (kind) => KINDS[kind]);
  notices();
  tiles();
  headings();
  appendix();
  search();
}
