// What a person could not read on a dashboard: texts that are cut, out of sight or too small, tables too wide, holes.
import { hiddenPixels, sizeOf, textsOf } from './texts.js';

const SMALLEST = 10; // pixels
const TOLERANCE = 1.5; // pixels: rounding of boxes
const COLUMNS = 24;
const WIDE = 1600; // pixels of a page on which no table needs to scroll

export function measure(root, items) {
  const panels = [...root.querySelectorAll('section')];
  return [...holes(items), ...panels.flatMap(faultsOf)];
}

function faultsOf(panel) {
  const title = panel.querySelector('h2, h6')?.textContent ?? 'a panel';
  const texts = [...textsOf(panel)].flatMap((text) => faultOf(text, panel));
  return [...texts, ...tooWide(panel)].map((fault) => `${title}: ${fault}`);
}

function holes(items) {
  const covered = new Set(items.flatMap(({ x, y, width, height }) => cells(x, y, width, height)));
  const bottom = Math.max(...items.map(({ y, height }) => y + height));
  const free = cells(0, 0, COLUMNS, bottom).find((cell) => !covered.has(cell));
  return free === undefined ? [] : [`a hole in the grid at ${free}`];
}

function cells(x, y, width, height) {
  return Array.from({ length: width * height }, (_, index) => `${x + (index % width)},${y + Math.floor(index / width)}`);
}

function tooWide(panel) {
  const table = panel.querySelector('[role=table]');
  const scrolled = [...(table?.querySelectorAll('*') ?? [])].filter((each) =>
    ['auto', 'scroll'].includes(getComputedStyle(each).overflowX)
  );
  const lost = Math.max(0, ...scrolled.map((each) => each.scrollWidth - each.clientWidth));
  return lost > TOLERANCE && innerWidth >= WIDE ? [`the table is ${lost} pixels too wide`] : [];
}

function faultOf(text, panel) {
  const name = `${roleOf(text.parentElement)} ${JSON.stringify(text.data.trim().slice(0, 40))}`;
  const size = sizeOf(text);
  if (size < SMALLEST) {
    return [`${name} is ${size.toFixed(1)} pixels high`];
  }
  // Columns beyond the edge of a table are reached by scrolling: a cell is cut by its own column only.
  const lost = hiddenPixels(text, text.parentElement.closest('[role=row]') ?? panel);
  return lost > TOLERANCE ? [`${name} is cut by ${Math.round(lost)} pixels`] : [];
}

function roleOf(element) {
  if (element.closest('[role=columnheader]')) {
    return 'the header';
  }
  if (element.closest('[role=cell]')) {
    return 'the cell';
  }
  return element.closest('table, ul') ? 'the legend' : 'the text';
}
