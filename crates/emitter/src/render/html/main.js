// Which view is shown, and what is printed.

const PRINTED = 50;

function show() {
  const [, place, part] = /^#p(\d+)(-\w+)?$/u.exec(location.hash) ?? [];
  const entry = place && data.entries[Number(place)];
  const details = byId('details');
  const before = details.dataset.entry;
  byId('overview').hidden = Boolean(entry);
  if (!entry) {
    details.replaceChildren();
    delete details.dataset.entry;
    document.title = byId('title').textContent;
    if (before) {
      const link = document.querySelector(`#entries a[href="#p${before}"]`);
      (link ?? byId('title')).focus();
    }
    return;
  }
  if (before !== place) {
    details.replaceChildren(steps(entry), article(entry));
    details.dataset.entry = place;
    document.title = `${shortName(entry)} – ${byId('title').textContent}`;
  }
  const target = byId(`p${place}${part ?? ''}`);
  target?.focus({ preventScroll: true });
  if (part) target?.scrollIntoView();
  else scrollTo(0, 0);
}

function steps(entry) {
  const at = shown.entries.indexOf(entry);
  const step = (to, text) => to && el('a', { href: `#p${to.at}` }, text);
  return el('nav', { class: 'steps', 'aria-label': 'Principals' },
    el('a', { href: '#overview' }, '← All principals'),
    at >= 0 && [step(shown.entries[at - 1], 'Previous'), step(shown.entries[at + 1], 'Next')]);
}

// What is looked at is printed whole: the open principal, or all that match where they are few.
let unprinted;
function prepare() {
  if (unprinted) return;
  const closed = [];
  if (!byId('overview').hidden) {
    const { entries, upTo } = shown;
    shown.upTo = entries.length;
    fill();
    const few = entries.length <= PRINTED;
    byId('details').replaceChildren(...(few ? entries.map(article)
      : [el('p', { class: 'notice' }, `Of ${number(entries.length)} principals only the table is printed. Search or filter for ${PRINTED} at most, or open one, to print the details.`)]));
    unprinted = () => {
      byId('details').replaceChildren();
      shown.upTo = upTo;
      fill();
    };
  }
  for (const one of document.querySelectorAll('details:not([open])')) {
    one.open = true;
    closed.push(one);
  }
  const restore = unprinted;
  unprinted = () => {
    restore?.();
    closed.forEach((one) => { one.open = false; });
    unprinted = undefined;
  };
}
const resume = () => unprinted?.();

const THEMES = [['', 'as the system'], ['light', 'light'], ['dark', 'dark']];
let theme = 0;
byId('theme').addEventListener('click', () => {
  theme = (theme + 1) % THEMES.length;
  document.documentElement.dataset.theme = THEMES[theme][0];
  byId('theme').textContent = `Theme: ${THEMES[theme][1]}`;
});

let waiting;
byId('search').addEventListener('input', () => {
  clearTimeout(waiting);
  waiting = setTimeout(search, data.entries.length > 500 ? 120 : 0);
});
for (const id of ['status', 'account', 'kind']) byId(id).addEventListener('change', search);

// The place in the address is the open principal's, which skipping must not change.
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  byId('main').focus();
});
addEventListener('hashchange', show);
addEventListener('beforeprint', prepare);
addEventListener('afterprint', resume);
matchMedia('print').addEventListener('change', (event) => (event.matches ? prepare() : resume()));

overview();
show();
document.querySelector('.foot').textContent =
  `${data.tool.name} ${data.tool.version} · “unused” means that CloudTrail was looking and saw nothing · nothing on this page was fetched or sent`;
