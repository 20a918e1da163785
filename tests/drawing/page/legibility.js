// What a person could not read on a page: `window.illegible()` returns it.
import { hiddenPixels, sizeOf, textsOf } from './texts.js';

const SMALLEST = 11; // pixels
const TOLERANCE = 1.5; // pixels: rounding of boxes
// WCAG 2.2, level AA.
const CONTRAST = 4.5;
const CONTRAST_OF_LARGE = 3;
const LARGE = 24; // pixels
const LARGE_AND_BOLD = 18.66;
const BOLD = 700;

window.illegible = () => {
  const beyond = document.documentElement.scrollWidth - innerWidth;
  const wide = beyond > 0 ? [`the page is ${beyond} pixels too wide`] : [];
  return [...new Set([...wide, ...sideways(), ...[...textsOf(document.body)].flatMap(faultsOf)])];
};

// What scrolls sideways hides columns without a hint: on a telephone, no bar is drawn until one scrolls.
function sideways() {
  const scrolled = [...document.body.querySelectorAll('*')].filter((each) => ['auto', 'scroll'].includes(getComputedStyle(each).overflowX));
  return scrolled
    .map((each) => [each, each.scrollWidth - each.clientWidth])
    .filter(([, hidden]) => hidden > TOLERANCE)
    .map(([each, hidden]) => `${JSON.stringify(each.innerText.trim().slice(0, 40))} hides ${hidden} pixels at its side`);
}

function faultsOf(text) {
  const name = JSON.stringify(text.data.trim().slice(0, 40));
  // What scrolls can be reached; what is hidden cannot.
  const lost = hiddenPixels(text, null, (overflow) => overflow === 'hidden' || overflow === 'clip');
  const contrast = contrastOf(text.parentElement);
  return [
    ...(sizeOf(text) < SMALLEST ? [`${name} is ${sizeOf(text)} pixels high`] : []),
    ...(lost > TOLERANCE ? [`${name} is cut by ${Math.round(lost)} pixels`] : []),
    ...(contrast < leastOf(text) ? [`${name} has a contrast of ${contrast.toFixed(2)}`] : []),
  ];
}

function leastOf(text) {
  const large = sizeOf(text) >= LARGE || (sizeOf(text) >= LARGE_AND_BOLD && getComputedStyle(text.parentElement).fontWeight >= BOLD);
  return large ? CONTRAST_OF_LARGE : CONTRAST;
}

function contrastOf(element) {
  const ground = groundOf(element);
  const [darker, lighter] = [luminance(over(colourOf(getComputedStyle(element).color), ground)), luminance(ground)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

// The colour behind an element: the backgrounds of all its ancestors, one over the other.
function groundOf(element) {
  const layers = [];
  for (let each = element; each; each = each.parentElement) {
    layers.unshift(colourOf(getComputedStyle(each).backgroundColor));
  }
  const canvas = matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
  return layers.reduce((ground, layer) => over(layer, ground), canvas);
}

function over([red, green, blue, alpha], ground) {
  return [...[red, green, blue].map((part, index) => part * alpha + ground[index] * (1 - alpha)), 1];
}

function colourOf(text) {
  const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
  return [red, green, blue, alpha];
}

function luminance([red, green, blue]) {
  const [r, g, b] = [red, green, blue].map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
