/**
 * The canvas of the Draw page, with its controls. Why the browser owns what is drawn:
 * `pages/parts/draw/canvas.py`. What a drawing is made of: `strokes.js`.
 */

// A change that the server has not owned to in this time is sent again.
const RESEND_MS = [3_000, 6_000, 12_000, 30_000];
// How soon it is tried again where the connection is broken.
const RETRY_MS = 250;

/** Sends the drawing, again and again until the server says that it has read it. */
class Post {
  constructor(drawing, root) {
    Object.assign(this, {drawing, root, seen: 0, tries: 0, timer: 0, set: null});
  }

  /** Take over how to send from Streamlit's present call, and what the server has read. */
  join(set, seen, isBack) {
    this.set = set;
    this.seen = seen;
    if (seen === this.drawing.seq || isBack) {
      clearTimeout(this.timer);
      this.timer = this.tries = 0;
    }
    if (seen !== this.drawing.seq && !this.timer) this.send();
  }

  send() {
    clearTimeout(this.timer);
    this.timer = 0;
    // On another page nobody reads it; it is sent when the person comes back.
    if (!this.root.isConnected || !this.set) return;
    const app = document.querySelector('[data-testid=stApp]');
    const isDown = (app?.dataset.testConnectionState ?? 'CONNECTED') !== 'CONNECTED';
    if (!isDown) this.set('drawing', this.drawing.text);
    const wait = isDown ? RETRY_MS : RESEND_MS[Math.min(this.tries++, RESEND_MS.length - 1)];
    this.timer = setTimeout(() => {
      this.timer = 0;
      if (this.seen !== this.drawing.seq) this.send();
    }, wait);
  }
}

function element(name, className = '', attributes = {}) {
  const made = document.createElement(name);
  if (className) made.className = className;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const ICONS = {
  undo: 'M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3',
  redo: 'm15 14 5-5-5-5M20 9H10a6 6 0 0 0 0 12h3',
  clear: 'M4 7h16M10 11v6M14 11v6M6 7l1 13h10l1-13M9 7V4h6v3',
};

/** Everything together. There is one, and every visit of the page shows it again. */
class Easel {
  constructor({BRUSH, Drawing, Pen, Surface}) {
    const drawing = (this.drawing = new Drawing());
    this.root = element('div', 'easel');
    this.stage = element('div', 'stage', {role: 'img'});
    this.root.append(this.stage);
    this.controls(BRUSH);
    this.status = element('p', 'unseen', {role: 'status'});
    this.notice = element('p', 'notice', {role: 'alert'});
    this.notice.hidden = true;
    this.root.append(this.status, this.notice);
    this.surface = new Surface(this.stage);
    this.post = new Post(drawing, this.root);
    this.pen = new Pen(this.stage, {
      width: () => drawing.width,
      room: () => this.room(),
      begun: () => this.drawn(),
      moved: from => this.surface.line(this.pen.stroke, from),
      ended: stroke => {
        drawing.add(stroke);
        this.changed();
      },
    });
    window.addEventListener('keydown', event => this.key(event));
    this.labels = {};
    this.surface.show(drawing.strokes, null);
  }

  controls({min, max}) {
    const bar = element('div', 'bar');
    const brush = element('label', 'brush st-key-brush');
    this.size = element('span', 'size');
    this.brushName = element('span');
    this.slider = element('input', '', {type: 'range', min, max, step: 1});
    this.slider.value = this.drawing.brush;
    this.slider.addEventListener('input', () => {
      this.drawing.brush = Number(this.slider.value);
      this.drawing.store();
      this.tell();
    });
    const name = element('span', 'name');
    name.append(this.brushName, this.size);
    brush.append(name, this.slider);
    bar.append(brush);
    this.buttons = {};
    for (const [what, icon] of Object.entries(ICONS)) {
      const button = element('button', '', {type: 'button'});
      button.innerHTML =
        `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${icon}"/></svg><span></span>`;
      button.addEventListener('click', () => this.does(what));
      const place = element('div', `st-key-${what}`);
      place.append(button);
      bar.append(place);
      this.buttons[what] = button;
    }
    this.root.append(bar);
  }

  does(what) {
    if (this.drawing[what]()) this.changed();
  }

  /** Undo and redo by the usual keys, except where a text is being written. */
  key(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || !this.root.isConnected) return;
    const at = event.composedPath()[0];
    if (at.isContentEditable || (/^(INPUT|TEXTAREA)$/.test(at.tagName) && at !== this.slider)) return;
    const key = event.key.toLowerCase();
    const what = key === 'y' || (key === 'z' && event.shiftKey) ? 'redo' : key === 'z' ? 'undo' : '';
    if (!what) return;
    event.preventDefault();
    this.does(what);
  }

  /** How many points a stroke may have; says so where there is no room for one. */
  room() {
    const {room} = this.drawing;
    this.notice.hidden = room >= 2;
    return room;
  }

  changed() {
    this.notice.hidden = true;
    this.drawn();
    this.tell();
    this.post.tries = 0;
    this.post.send();
  }

  drawn() {
    this.surface.show(this.drawing.strokes, this.pen.stroke);
  }

  /** Bring words and buttons up to date. */
  tell() {
    const {drawing, labels} = this;
    this.stage.setAttribute('aria-label', labels.canvas ?? '');
    this.brushName.textContent = labels.brush ?? '';
    this.size.textContent = ` ${drawing.brush}\u00a0px`;
    this.slider.setAttribute('aria-label', labels.brush ?? '');
    this.slider.setAttribute('aria-valuetext', `${drawing.brush}\u00a0px`);
    this.notice.textContent = labels.full ?? '';
    this.status.textContent = (labels.strokes ?? '').replace('{n}', drawing.strokes.length);
    for (const [what, button] of Object.entries(this.buttons)) {
      button.lastChild.textContent = labels[what] ?? '';
      button.setAttribute('aria-label', labels[what] ?? '');
      button.title = labels[what] ?? '';
      button.disabled = !(what === 'redo' ? drawing.taken : drawing.strokes).length;
    }
  }

  /** Come into the place that Streamlit has for the canvas now. May be called at any time. */
  enter({parentElement, setStateValue, data}, root) {
    const isBack = this.root.parentNode !== parentElement;
    if (isBack) parentElement.append(this.root);
    this.labels = data.labels;
    this.tell();
    if (!this.loading) this.loading = this.surface.load(new URL(data.fabric, root).href);
    this.post.join(setStateValue, data.seen, isBack);
  }
}

let easel = null;

/**
 * What Streamlit calls, as often as it likes, through the few lines of `loader.js`.
 *
 * @param strokes: all that `strokes.js` has.
 */
export function enter(args, root, strokes) {
  easel ??= new Easel(strokes);
  easel.enter(args, root);
}
