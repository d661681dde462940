// Whatever comes out of the data goes onto the page as text, and through here.

const data = JSON.parse(document.querySelector('script.overview').textContent);
const byId = (id) => document.getElementById(id);

// Characters that control, turn the direction of writing or do not show are named.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu;
const visible = (text) =>
  String(text).replace(UNSEEN, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);

const SVG = 'http://www.w3.org/2000/svg';
const SPACES = { svg: SVG, rect: SVG, path: SVG, line: SVG, text: SVG, title: SVG };

// Makes an element. Attributes are names that stand in this script; children are elements, texts,
// lists of either, or nothing.
function el(name, attributes = {}, ...children) {
  const space = SPACES[name];
  const element = space ? document.createElementNS(space, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(key, value === true ? '' : visible(value));
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === undefined || child === null || child === false || child === '') continue;
    element.append(child instanceof Node ? child : document.createTextNode(visible(child)));
  }
  return element;
}

// A name out of a log or a policy. Long ones break behind `/`, and ARNs behind `:` as well.
function code(text) {
  const shown = visible(text);
  const parts = shown.split(shown.startsWith('arn:') ? /(?<=[/:])/u : /(?<=\/)/u);
  const element = el('code');
  parts.forEach((part, at) => add(element, [at > 0 && el('wbr'), part]));
  return element;
}

// A sentence in which names stand between backticks.
const prose = (text) =>
  String(text).split('`').map((part, at) => (at % 2 ? code(part) : part));

// The end of a line in what is set line by line.
const newline = () => document.createTextNode('\n');

const number = (value) => value.toLocaleString('en-US');
const count = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;
const about = (seen) => `${seen.about ? '≈' : ''}${count(seen.calls, 'call')}`;
const minute = (time) => (time ? `${time.slice(0, 10)} ${time.slice(11, 16)}`.trimEnd() : 'unknown');
const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);

// How much less the second is than the first, in whole percent. What is left is never told as none.
function less(before, after) {
  if (!before || after >= before) return '';
  const percent = Math.round((100 * (before - after)) / before);
  return `−${after > 0 ? Math.min(percent, 99) : percent} %`;
}

const list = (items, attributes = {}) => el('ul', attributes, items.map((item) => el('li', {}, item)));
const fold = (summary, ...children) => el('details', {}, el('summary', {}, summary), children);

function terms(pairs) {
  return el('dl', {}, pairs.map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
}

const ALL_NAMES = 40;
// Names, folded where there are many.
function names(all) {
  const shown = all.slice(0, ALL_NAMES).map((name, at) => [at > 0 && ', ', code(name)]);
  if (all.length <= ALL_NAMES) return el('span', { class: 'names' }, shown);
  const rest = all.slice(ALL_NAMES).map((name, at) => [at > 0 && ', ', code(name)]);
  return el('div', { class: 'names' }, shown, fold(`and ${number(rest.length)} more`, rest));
}
