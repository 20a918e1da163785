// The texts of a page as they are drawn: how large, and how much of them is out of sight.

export function* textsOf(panel) {
  const walker = document.createTreeWalker(panel, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement, data } = walker.currentNode;
    if (data.trim() && parentElement.checkVisibility({ visibilityProperty: true }) && !isForReadersOnly(parentElement)) {
      yield walker.currentNode;
    }
  }
}

// Texts for screen readers are clipped to one pixel.
function isForReadersOnly(element) {
  for (let each = element; each; each = each.parentElement) {
    if (each.tagName === 'STYLE' || (each.clientWidth === 1 && each.clientHeight === 1)) {
      return true;
    }
  }
  return false;
}

export function sizeOf(text) {
  return parseFloat(getComputedStyle(text.parentElement).fontSize);
}

// How much of a text is outside the boxes around it, up to a root; `clips` decides which boxes cut off what they contain.
export function hiddenPixels(text, root, clips = (overflow) => overflow !== 'visible') {
  const box = boxOf(text, sizeOf(text));
  let lost = 0;
  for (let element = text.parentElement; element && element !== root; element = element.parentElement) {
    const { overflowX, overflowY, display } = getComputedStyle(element);
    const clip = element.getBoundingClientRect();
    if (display !== 'inline' && clips(overflowX)) {
      lost = Math.max(lost, clip.left - box.left, box.right - clip.right);
    }
    if (display !== 'inline' && clips(overflowY)) {
      lost = Math.max(lost, clip.top - box.top, box.bottom - clip.bottom);
    }
  }
  return lost;
}

// A range has the box of the whole text, also of what an ellipsis replaces; its letters are lower than its lines.
function boxOf(text, size) {
  const range = document.createRange();
  range.selectNodeContents(text);
  const { left, right, top, bottom } = range.getBoundingClientRect();
  const around = Math.max(0, (range.getClientRects()[0]?.height ?? 0) - size) / 2;
  return { left, right, top: top + around, bottom: bottom - around };
}
