// One principal, or one shared policy: attached beside tightened, and what stands behind each line.

const elements = document.getElementsByClassName('detail');
const detailOf = (entry) => JSON.parse(elements[entry.at].textContent);

// The values of a list element of a statement, each with a mark where the other side has it not.
function values(listed, others) {
  const all = [listed].flat();
  return all.map((value, at) => ({ text: JSON.stringify(value) + (at < all.length - 1 ? ',' : ''), odd: others && !others.has(value) }));
}

const LISTS = ['Action', 'NotAction', 'Resource', 'NotResource'];

// What the statements of a side list, and their conditions.
function side(statements) {
  const of = (name) => new Set(statements.flatMap((one) => (name in one ? [one[name]].flat() : [])));
  const sets = Object.fromEntries(LISTS.map((name) => [name, of(name)]));
  sets.Condition = new Set(statements.map((one) => JSON.stringify(one.Condition)));
  return sets;
}

// The lines of a statement. Those that the other side has not are marked.
const MARKS = { goes: ['del', '−'], new: ['ins', '+'], kept: ['ins', '='] };
function lines(statement, others, mark) {
  const out = [];
  const [name, sign] = MARKS[mark];
  const line = (text, odd) => out.push(odd
    ? el(name, { class: `line ${mark}` }, el('span', { class: 'sign' }, sign), text, newline())
    : el('span', { class: 'line' }, text, newline()));
  line('{');
  const keys = Object.keys(statement);
  keys.forEach((key, at) => {
    const comma = at < keys.length - 1 ? ',' : '';
    const value = statement[key];
    if (LISTS.includes(key)) {
      const all = values(value, others?.[key]);
      if (all.length === 1) {
        line(`  "${key}": ${all[0].text}${comma}`, all[0].odd);
      } else {
        line(`  "${key}": [`);
        all.forEach((one) => line(`    ${one.text}`, one.odd));
        line(`  ]${comma}`);
      }
    } else {
      const odd = key === 'Condition' && others && !others.Condition.has(JSON.stringify(value));
      const text = `  "${key}": ${JSON.stringify(value, null, 2).replaceAll('\n', '\n  ')}${comma}`;
      text.split('\n').forEach((one) => line(one, odd));
    }
  });
  line('}');
  return out;
}

const block = (statement, others, mark, name) =>
  el('pre', { role: 'group', 'aria-label': name }, el('code', {}, lines(statement, others, mark)));

const titleOf = (statement, fallback) => (statement.Sid ? code(statement.Sid) : fallback);

function eventList(seen) {
  if (!seen.events?.length) return [];
  return el('ul', { class: 'events' }, seen.events.map((event) => el('li', {}, code(event.id), el('span', { class: 'under muted' },
    `${minute(event.time)} UTC, ${event.region || 'no region'}, in `, code(data.files[event.file])))));
}

function sightingLine(seen) {
  const [first, last] = [minute(seen.first), minute(seen.last)];
  return el('p', { class: 'sighting' }, strip(seen.days), ' ', `${about(seen)}, ${first === last ? first : `${first} to ${last}`}`);
}

function used(one) {
  const on = one.resource ? code(one.resource) : `${number(one.names)} more resources`;
  return el('li', { class: 'use' },
    el('p', { class: 'what' }, code(one.action), ' on ', on,
      one.written && [' ', el('span', { class: 'muted' }, 'written as '), code(one.written)],
      one.outcome && [' ', el('span', { class: 'badge plain' }, one.outcome)],
      one.perhaps && [' ', el('span', { class: 'badge plain' }, 'by this statement or another')]),
    sightingLine(one.seen),
    fold('Rule and events', terms([
      one.principal && ['Principal', code(one.principal)],
      ['Resource', prose(one.how.join('; '))],
      ['Mapped from', one.events.join(', ')],
      one.via && ['On its behalf', one.via.join(', ')],
      one.errors && ['Errors', one.errors.join(', ')],
      ['Sample events', eventList(one.seen)],
    ].filter(Boolean))));
}

function evidence(statement) {
  const uses = statement.used ?? [];
  const reasons = statement.reasons?.filter((one) => one.class !== 'used') ?? [];
  const actions = new Set(uses.map((one) => one.action));
  const told = uses.length
    ? `Evidence: ${count(actions.size, 'action')} used, last ${uses.map((one) => one.seen.last ?? '').sort().at(-1).slice(0, 10)}`
    : 'Why it stays without evidence';
  return el('details', { class: 'evidence' }, el('summary', {}, told),
    statement.stars && [el('h5', {}, 'Why each pattern'), terms(statement.stars.map((one) => [code(one.pattern), prose(one.why)]))],
    reasons.length > 0 && [el('h5', {}, uses.length ? 'Not used, and kept' : 'Kept'), terms(reasons.map((one) => [one.class, [prose(one.why), ': ', names(one.actions)]]))],
    uses.length > 0 && [el('h5', {}, 'What was seen'), el('ul', { class: 'uses' }, uses.map(used))]);
}

function fates(fates) {
  const total = (goes) => sum(fates.filter((one) => one.goes === goes).map((one) => one.count));
  return el('details', { class: 'evidence' }, el('summary', {}, `Its actions: ${number(total(false))} stay, ${number(total(true))} go`),
    terms(fates.map((one) => [[one.goes ? 'goes' : 'stays', ', ', one.class, ` (${number(one.count)})`],
      [prose(one.what), one.actions && [': ', names(one.actions)]]])));
}

function group(one, detail) {
  const left = one.attached;
  const drafted = one.drafted ?? [];
  const here = left && side([left.statement]);
  const there = side(drafted.map((statement) => statement.statement));
  const policy = left && detail.attached[left.policy];
  const same = left && drafted.length === 1 && JSON.stringify({ ...left.statement, Sid: 0 }) === JSON.stringify({ ...drafted[0].statement, Sid: 0 });
  const plain = !left || same || !drafted.length && !(detail.drafts ?? []).length;
  const documentName = (statement) => detail.drafts?.[statement.place[0]]?.name;
  const right = drafted.map((statement) => el('section', { class: 'drafted' },
    el('h4', {}, left ? [documentName(statement), ' · '] : '', titleOf(statement.statement, `statement ${statement.place[1]}`),
      statement.kept && [' ', el('span', { class: 'badge kept' }, 'kept without evidence')],
      same && [' ', el('span', { class: 'badge plain' }, 'unchanged')]),
    statement.also && el('p', { class: 'muted' }, 'Restricts as well: ', names(statement.also)),
    block(statement.statement, plain ? undefined : here, statement.kept ? 'kept' : 'new', 'Statement of the draft'),
    statement.statement.Effect === 'Deny' ? el('p', { class: 'muted' }, 'Deny statements are guards, and stay.') : evidence(statement)));
  if (!left) return el('div', { class: 'group single' }, right);
  const nothing = !drafted.length && el('p', { class: 'empty' },
    one.elsewhere ? ['What stays of it stands in ', names(one.elsewhere), ', beside another statement.']
      : (detail.drafts ?? []).length ? 'Nothing of it stays.' : 'No draft takes its place.');
  const gone = !drafted.length && !one.elsewhere && (detail.drafts ?? []).length > 0;
  return el('div', { class: 'group' },
    el('section', { class: 'attached' },
      el('h4', {}, code(policy.name), ' · ', titleOf(left.statement, `statement ${left.at}`)),
      left.keeps && el('p', { class: 'muted' }, prose(left.keeps)),
      block(left.statement, plain ? undefined : gone ? side([]) : there, 'goes', 'Attached statement'),
      left.fates && fates(left.fates)),
    el('div', { class: 'side' }, right, nothing));
}

const HOLDS = { inline: 'inline', 'customer-managed': 'customer managed', 'aws-managed': 'managed by AWS, to be detached', boundary: 'also a boundary, to be detached', file: 'from a file' };

function policyLists(detail) {
  const attached = (detail.attached ?? []).map((one) =>
    [code(one.name), ` ${HOLDS[one.hold]}, ${count(one.size, 'character')}`, one.group && [', by the group ', code(one.group)], one.since && `, since ${one.since.slice(0, 10)}`]);
  const drafts = (detail.drafts ?? []).map((one) => [code(one.name), ` ${count(one.size, 'character')}`]);
  return [attached, drafts];
}

// The documents of the draft, to be copied.
function documents(detail) {
  const statements = detail.groups.flatMap((one) => one.drafted ?? []);
  return (detail.drafts ?? []).map((draft, number) => {
    const own = statements.filter((one) => one.place[0] === number).sort((a, b) => a.place[1] - b.place[1]);
    const text = JSON.stringify({ Version: '2012-10-17', Statement: own.map((one) => one.statement) }, null, 2);
    const lines = text.split('\n').map((line) => [line, newline()]);
    return fold(['The whole document ', code(draft.name)], el('pre', {}, el('code', {}, lines)));
  });
}

function denial(one) {
  return el('li', { class: 'use' },
    el('p', { class: 'what' }, one.action ? [code(one.action), ' on ', code(one.resource)] : one.events.join(', ')),
    el('p', {}, one.by, '; ', one.worked, '. ', el('b', {}, 'What would fix it: '), one.fix, one.doubt && `; but ${one.doubt}`),
    sightingLine(one.seen),
    fold('Events', el('p', {}, one.events.join(', ')), eventList(one.seen)));
}

function head(entry, detail) {
  const numbers = entry.numbers;
  const compares = data.compares && numbers.before !== undefined;
  const facts = [];
  if (compares) {
    facts.push(['Allowed actions', shrinks(numbers)]);
    facts.push(['On every resource', shrinks({ before: numbers.anywhere_before, after: numbers.anywhere_after })]);
  } else {
    facts.push(['Allowed actions', figure(numbers.after)], ['On every resource', figure(numbers.anywhere_after)]);
  }
  if (detail.seen) facts.push(['Seen', sightingLine(detail.seen)]);
  if (entry.workload) facts.push(['Workload', code(entry.workload)]);
  if (detail.holders) facts.push(['Held by', names(detail.holders)]);
  if (detail.shares) facts.push(['Shares', detail.shares.map((at, index) => [index > 0 && ', ', el('a', { href: `#p${at}` }, code(shortName(data.entries[at])))])]);
  const [attached, drafts] = policyLists(detail);
  if (attached.length) facts.push(['Attached', list(attached)]);
  if (drafts.length && data.compares) facts.push(['Draft', list(drafts)]);
  return [
    el('p', { class: 'muted arn' }, code(entry.name)),
    el('p', {}, badge(entry.status), detail.told !== entry.status && [' ', detail.told.replace(/^[^:]*: /u, '')]),
    detail.notes && el('div', { class: 'notice' }, list(detail.notes.map(prose))),
    compares && el('figure', { class: 'sum' }, el('figcaption', {}, 'What becomes of the allowed actions'), bar(parts(numbers)), legend(parts(numbers))),
    terms(facts),
  ];
}

// A part of the article with a heading and a place in its contents; nothing where there is nothing.
function section(contents, entry, id, title, ...children) {
  const filled = children.flat(Infinity).filter(Boolean);
  if (!filled.length) return null;
  const heading = `p${entry.at}-${id}`;
  contents.push([`#${heading}`, title]);
  return el('section', { 'aria-labelledby': heading, class: id }, el('h3', { id: heading, tabindex: '-1' }, title), filled);
}

const SEVERITIES = ['error', 'warning', 'note'];

// Findings of one kind stand together, under what the kind means.
function findings(all) {
  const kinds = [...Map.groupBy(all, (one) => one.code).values()];
  kinds.sort((a, b) => SEVERITIES.indexOf(a[0].severity) - SEVERITIES.indexOf(b[0].severity));
  return el('ul', { class: 'uses' }, kinds.map((kind) => el('li', { class: `use ${kind[0].severity}` },
    el('p', {}, el('span', { class: `badge ${kind[0].severity}` }, kind[0].severity), ' ', el('b', {}, kind[0].code.replaceAll('-', ' '))),
    el('p', { class: 'muted' }, prose(kind[0].means)),
    list(kind.map((one) => [one.place && [el('b', {}, one.place), ': '], prose(one.message)])))));
}

const marks = () => el('p', { class: 'marks muted' },
  el('del', { class: 'goes' }, '−'), ' goes, or is narrowed ', el('ins', { class: 'new' }, '+'), ' takes its place, seen in use ',
  el('ins', { class: 'kept' }, '='), ' stays without evidence');

function article(entry) {
  const detail = detailOf(entry);
  detail.groups ??= [];
  const contents = [];
  const part = (...rest) => section(contents, entry, ...rest);
  const coverage = data.coverage.filter((line) => line.account === entry.account);
  const body = [
    part('findings', 'Findings', detail.findings && findings(detail.findings)),
    part('statements', data.compares ? 'Attached, and what takes its place' : 'Statements', detail.groups.length > 0 && [
      data.compares && marks(),
      data.compares && el('div', { class: 'sides', 'aria-hidden': 'true' }, el('p', {}, 'Attached'), el('p', {}, 'Draft')),
      detail.groups.map((one) => group(one, detail)),
      detail.concessions && [el('h4', {}, 'To keep the limits of AWS'), list(detail.concessions.map(prose))],
      documents(detail)]),
    part('discovery', 'How complete the picture is', detail.curve && discovery(detail.curve), detail.soak && terms(detail.soak.map(([name, value]) => [name, prose(value)]))),
    part('denials', 'Denied and tried', detail.denials && el('ul', { class: 'uses' }, detail.denials.map(denial)),
      detail.tried && [el('h4', {}, 'Tried, and neither allowed nor refused'), el('ul', { class: 'uses' }, detail.tried.map(used))]),
    part('proofs', 'Proofs and backtest', detail.proofs && el('ul', { class: 'proofs' }, detail.proofs.map((one) =>
      el('li', {}, el('span', { class: `badge ${one.holds ? 'holds' : 'error'}` }, one.holds ? 'proved' : 'fails'), ' ', el('b', {}, one.name), ': ', prose(one.told.replace(/^[a-z ]+: /u, ''))))),
    !data.compares && el('p', { class: 'muted' }, 'A draft from behaviour alone restricts nothing that is attached. ', code('trailtrim diff'), ' proves drafts against what is.'),
    detail.seen && !detail.backtest && el('p', { class: 'muted' }, 'No backtest: the trail is too short before or after a cut to put a draft from the earlier part to the later one.'),
    detail.backtest && [el('p', {}, el('b', {}, 'Backtest'), ': ', prose(detail.backtest.told.replace(/^backtest: /u, ''))),
      detail.backtest.denied && fold(`What it would have denied: ${number(detail.backtest.denied.length)}`, list(detail.backtest.denied.map(([action, resource]) => [code(action), ' on ', code(resource)])))]),
    part('blind', 'Blind spots', detail.blind && terms(detail.blind.map((one) => [prose(one.what), [prose(one.why), one.names && [': ', names(one.names)]]]))),
    part('coverage', 'Coverage of the account', coverage.length > 0 && fold(`Where CloudTrail was looking in ${entry.account}`, long(coverage, coverageTable, 50))),
  ];
  return el('article', { 'aria-labelledby': `p${entry.at}` },
    el('h2', { id: `p${entry.at}`, tabindex: '-1' }, code(shortName(entry))),
    head(entry, detail),
    contents.length > 1 && el('nav', { class: 'contents', 'aria-label': 'Parts' }, contents.map(([href, title]) => el('a', { href }, title))),
    body);
}
