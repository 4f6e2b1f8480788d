// What the page itself cannot say to the browser: its language, and how it survives a translation.
(() => {
  const page = document.documentElement;
  const {language, skip} = document.currentScript.dataset;
  if (page.lang !== language) page.lang = language;
  // The link that whoever comes by keyboard meets first.
  const link = document.querySelector('[data-testid=stSkipToContent]')?.firstChild;
  if (skip && link && link.data !== skip) link.data = skip;
  if (window.netsketchSurvives) return;
  window.netsketchSurvives = true;
  const copying = document.createElement('script');
  copying.src = new URL('copy.js', document.currentScript.src);
  document.head.append(copying);

  // A browser's translation puts font elements in the place of the page's texts, behind the back
  // of React, which then throws where it removes a text or inserts something before it, and writes
  // new words into a text that nobody sees. See github.com/facebook/react/issues/11538.
  const standIns = new WeakMap(); // of a text that is no longer in the page, what stands there
  const isFont = (node) => node.nodeName === 'FONT';

  // Drawings and code are of no language; a translated text in an SVG is not drawn at all.
  const KEEP = '[data-testid=stVegaLiteChart], [data-testid=stPlotlyChart], ' +
    '[data-testid=stDataFrame], [data-testid=stCode]';
  const keep = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    const found = [...node.querySelectorAll(KEEP)];
    if (node.matches(KEEP)) found.push(node);
    for (const one of found) one.setAttribute('translate', 'no');
  };

  const remember = (records) => {
    const fonts = new Map(); // by the sibling before which, or behind which, one was put
    for (const record of records) {
      const added = [...record.addedNodes].find(isFont);
      if (added === undefined) continue;
      if (record.nextSibling) fonts.set(record.nextSibling, added);
      if (record.previousSibling) fonts.set(record.previousSibling, added);
    }
    for (const record of records) {
      record.addedNodes.forEach(keep);
      const here = [...record.addedNodes].find(isFont);
      for (const gone of record.removedNodes) {
        if (gone.nodeType !== Node.TEXT_NODE || gone.isConnected) continue;
        const font = here ?? fonts.get(gone);
        if (font !== undefined) standIns.set(gone, font);
      }
    }
  };
  const watcher = new MutationObserver(remember);
  watcher.observe(document, {childList: true, subtree: true});
  keep(document.body);

  // What stands in `parent` for a node that React believes to be there; null if nothing does.
  const standing = (parent, node) => {
    remember(watcher.takeRecords());
    for (let at = node; at; at = standIns.get(at) ?? at.parentNode) {
      if (at.parentNode === parent) return at;
      if (at === document) return null;
    }
    return null;
  };

  const {removeChild, insertBefore, replaceChild} = Node.prototype;
  Node.prototype.removeChild = function (child) {
    if (child?.parentNode === this || !(child instanceof Node)) {
      return removeChild.call(this, child);
    }
    const there = standing(this, child);
    if (there !== null) removeChild.call(this, there);
    return child;
  };
  Node.prototype.insertBefore = function (node, before) {
    const lost = before instanceof Node && before.parentNode !== this;
    return insertBefore.call(this, node, lost ? standing(this, before) : before);
  };
  Node.prototype.replaceChild = function (node, child) {
    if (!(child instanceof Node) || child.parentNode === this) {
      return replaceChild.call(this, node, child);
    }
    const there = standing(this, child);
    if (there === null) this.appendChild(node);
    else replaceChild.call(this, node, there);
    return child;
  };

  // New words go where the old ones stand.
  const bringBack = (text) => {
    if (text.nodeType !== Node.TEXT_NODE || text.isConnected) return;
    remember(watcher.takeRecords());
    const font = standIns.get(text);
    if (font === undefined || !font.isConnected) return;
    standIns.delete(text);
    font.replaceWith(text);
  };
  for (const [owner, name] of [
    [Node.prototype, 'nodeValue'], [Node.prototype, 'textContent'], [CharacterData.prototype, 'data'],
  ]) {
    const {get, set, ...rest} = Object.getOwnPropertyDescriptor(owner, name);
    Object.defineProperty(owner, name, {
      ...rest,
      get,
      set(value) {
        bringBack(this);
        set.call(this, value);
      },
    });
  }
})();
