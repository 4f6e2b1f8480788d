/**
 * The canvas of the Draw page: it owns what is drawn. Why so: `pages/shared/canvas.py`.
 *
 * Coordinates are whole units, UNITS of them along a side. A stroke is [width, x, y, x, y, ...]; what
 * is recorded is what is shown and what is sent, point by point.
 */

// As in core/strokes.py.
const UNITS = 3400;
const PX = 10;
const MAX_STROKES = 500;
const MAX_POINTS = 12_000;
// Points nearer to each other than this many units, less than half a pixel, draw the same line. After
// every so many points of one drawing the step doubles, so that a hand cannot fill it by scribbling.
const STEP = 4;
const POINTS_A_STEP = 2_000;

const BRUSH = {min: 6, max: 40, start: 20};
const STORED = 'netsketch-drawing';
// Backing pixels of a side: sharp on most screens, little to paint.
const PIXELS = 680;
// A change that the server has not owned to in this time is sent again.
const RESEND_MS = [3_000, 6_000, 12_000, 30_000];
// How soon it is tried again where the connection is broken.
const RETRY_MS = 250;

/** Strokes, what Undo and Clear took of them, the brush; all survive a reload. */
class Drawing {
  constructor() {
    this.strokes = [];
    // What each Undo or Clear took, for Redo.
    this.taken = [];
    this.seq = 0;
    this.brush = BRUSH.start;
    this.restore();
  }

  get points() {
    return this.strokes.reduce((sum, stroke) => sum + (stroke.length - 1) / 2, 0);
  }

  get text() {
    return `${this.seq}|${this.strokes.map(stroke => stroke.join(',')).join(';')}`;
  }

  add(stroke) {
    this.strokes.push(stroke);
    this.taken = [];
    this.changed();
  }

  undo() {
    if (!this.strokes.length) return false;
    this.taken.push([this.strokes.pop()]);
    this.changed();
    return true;
  }

  clear() {
    if (!this.strokes.length) return false;
    this.taken.push(this.strokes);
    this.strokes = [];
    this.changed();
    return true;
  }

  redo() {
    if (!this.taken.length) return false;
    this.strokes.push(...this.taken.pop());
    this.changed();
    return true;
  }

  changed() {
    this.seq += 1;
    this.store();
  }

  // Of this tab alone, and gone with it. Where a browser keeps nothing, a reload begins anew.
  store() {
    try {
      sessionStorage.setItem(STORED, `${this.brush}|${this.text}`);
    } catch {}
  }

  restore() {
    try {
      const [brush, seq, strokes] = (sessionStorage.getItem(STORED) ?? '').split('|');
      if (!strokes && !seq) return;
      const read = strokes ? strokes.split(';').map(stroke => stroke.split(',').map(Number)) : [];
      const isSound = read.every(stroke => stroke.length > 2 && stroke.length % 2);
      if (!isSound || ![+brush, +seq, ...read.flat()].every(Number.isInteger)) return;
      Object.assign(this, {brush: +brush, seq: +seq, strokes: read});
    } catch {}
  }
}

/** Draws strokes: the package's canvas all that are done, a layer over it what it has not got yet. */
class Surface {
  constructor(stage) {
    this.host = element('div', 'surface');
    this.host.append(element('div', 'canvas-root'));
    this.layer = Object.assign(element('canvas', 'ink'), {width: PIXELS, height: PIXELS});
    this.pen = this.layer.getContext('2d');
    stage.append(this.host, this.layer);
    this.strokes = [];
    this.below = null;
    this.fed = 0;
    this.busy = this.again = false;
    // Whether the canvas below shows what is drawn.
    this.whole = false;
  }

  /** Fetch the package's canvas. Until it is there, or where it never comes, the layer shows all. */
  async load(url) {
    try {
      const {default: mount} = await import(url);
      this.below = objects => mount({
        parentElement: this.host,
        setStateValue: () => this.shown(),
        data: {
          canvasWidth: PIXELS, canvasHeight: PIXELS, backgroundColor: '#000000', disabled: true,
          backgroundImageURL: null, backgroundImageFit: 'stretch', maxDisplayHeight: null,
          drawingMode: 'freedraw', strokeWidth: 1, strokeColor: '#ffffff', fillColor: '#ffffff',
          displayRadius: 1, fontSize: 20, label: '', returnImageData: false,
          realtimeUpdateStreamlit: true,
          // It takes a drawing only where it differs from the last one, and tells when it has.
          initialDrawing: {version: String(this.fed++), background: '#000000', objects},
        },
      });
      this.below([]);
      this.feed();
    } catch (error) {
      this.below = null;
      console.warn('The canvas is drawn without Fabric.js:', error);
    }
  }

  /** Show these strokes from now on, and one that is being drawn. */
  show(strokes, current) {
    this.strokes = strokes;
    this.current = current;
    this.whole = false;
    this.paint();
    this.feed();
  }

  feed() {
    if (!this.below) return;
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    this.below(this.strokes.map(fabricPath));
  }

  shown() {
    this.busy = false;
    if (this.again) {
      this.again = false;
      this.feed();
      return;
    }
    this.whole = true;
    this.paint();
  }

  paint() {
    this.pen.clearRect(0, 0, PIXELS, PIXELS);
    if (!this.whole) {
      this.pen.fillStyle = '#000000';
      this.pen.fillRect(0, 0, PIXELS, PIXELS);
      this.strokes.forEach(stroke => this.line(stroke, 0));
    }
    if (this.current) this.line(this.current, 0);
  }

  /** Draw a stroke from its so-manieth point on. */
  line(stroke, from) {
    const scale = PIXELS / UNITS;
    const {pen} = this;
    Object.assign(pen, {
      lineCap: 'round', lineJoin: 'round', lineWidth: stroke[0] * scale, strokeStyle: '#ffffff',
    });
    pen.beginPath();
    const first = 1 + 2 * from;
    pen.moveTo(stroke[first] * scale, stroke[first + 1] * scale);
    // A line of no length is nothing, and a dot is a line.
    if (stroke.length === 3) pen.lineTo(stroke[1] * scale + 0.01, stroke[2] * scale);
    for (let i = first + 2; i < stroke.length; i += 2) {
      pen.lineTo(stroke[i] * scale, stroke[i + 1] * scale);
    }
    pen.stroke();
  }
}

/** Describe a stroke as Fabric.js reads it: straight from point to point. */
function fabricPath([width, ...at]) {
  const scale = PIXELS / UNITS;
  const path = [['M', at[0] * scale, at[1] * scale]];
  if (at.length === 2) path.push(['L', at[0] * scale + 0.01, at[1] * scale]);
  for (let i = 2; i < at.length; i += 2) path.push(['L', at[i] * scale, at[i + 1] * scale]);
  return {
    type: 'Path', path, fill: null, stroke: '#ffffff', strokeWidth: width * scale,
    strokeLineCap: 'round', strokeLineJoin: 'round', objectCaching: false,
  };
}

/** Turns what one pointer does into a stroke. */
class Pen {
  /** @param begun(), moved(from) and ended(): told of the stroke in `stroke`. */
  constructor(stage, {room, width, begun, moved, ended}) {
    Object.assign(this, {stage, room, width, begun, moved, ended});
    this.stroke = null;
    stage.addEventListener('pointerdown', event => this.down(event));
    // Safari scrolls a page under a finger unless this is refused too.
    stage.addEventListener('touchstart', event => event.preventDefault(), {passive: false});
    // Of the window: a page that is drawn anew in the middle of a stroke moves the stage about.
    window.addEventListener('pointermove', event => this.move(event), true);
    for (const end of ['pointerup', 'pointercancel']) {
      window.addEventListener(end, event => this.up(event), true);
    }
    window.addEventListener('pagehide', () => this.finish());
  }

  down(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    if (this.stroke) {
      // A second finger draws nothing; a pen, or a first finger, tells that the last one is gone.
      const another = event.pointerType !== this.type && event.pointerType !== 'pen';
      if (another || !event.isPrimary) return;
      this.finish();
    }
    const left = this.room();
    if (left < 2) return;
    this.left = left;
    this.step = STEP * 2 ** Math.floor((MAX_POINTS - left) / POINTS_A_STEP);
    this.id = event.pointerId;
    this.type = event.pointerType;
    this.skipped = null;
    this.stroke = [this.width(), ...this.place(event)];
    try {
      this.stage.setPointerCapture(event.pointerId);
    } catch {}
    this.begun();
  }

  move(event) {
    if (!this.stroke || event.pointerId !== this.id) return;
    if (!(event.buttons & 1)) {
      this.finish();
      return;
    }
    const from = (this.stroke.length - 1) / 2 - 1;
    const every = event.getCoalescedEvents?.() ?? [];
    for (const one of every.length ? every : [event]) this.append(this.place(one), this.step);
    if ((this.stroke.length - 1) / 2 - 1 > from) this.moved(from);
  }

  up(event) {
    if (!this.stroke || event.pointerId !== this.id) return;
    // A cancelled pointer is nowhere.
    if (event.type === 'pointerup') this.append(this.place(event), 1);
    this.finish();
  }

  /** Take what has been drawn for a stroke; nothing that is under way is lost. */
  finish() {
    if (!this.stroke) return;
    if (this.skipped) this.append(this.skipped, 1);
    const {stroke} = this;
    this.stroke = null;
    this.ended(stroke);
  }

  append(place, step) {
    const [x, y] = this.stroke.slice(-2);
    const far = Math.hypot(place[0] - x, place[1] - y) >= step;
    if (far && this.left > 1) {
      this.stroke.push(...place);
      this.left -= 1;
    }
    this.skipped = far ? null : place;
  }

  /** Where an event is on the canvas: wherever that lies, and however large, at this moment. */
  place(event) {
    const box = this.stage.getBoundingClientRect();
    const unit = (at, start, length) => {
      const units = Math.round(((at - start) / (length || 1)) * UNITS);
      return Math.min(Math.max(units, -UNITS), 2 * UNITS);
    };
    return [
      unit(event.clientX, box.left, box.width), unit(event.clientY, box.top, box.height),
    ];
  }
}

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
  constructor() {
    const drawing = (this.drawing = new Drawing());
    this.root = element('div', 'easel');
    this.stage = element('div', 'stage', {role: 'img'});
    this.root.append(this.stage);
    this.controls();
    this.status = element('p', 'unseen', {role: 'status'});
    this.notice = element('p', 'notice', {role: 'alert'});
    this.notice.hidden = true;
    this.root.append(this.status, this.notice);
    this.surface = new Surface(this.stage);
    this.post = new Post(drawing, this.root);
    this.pen = new Pen(this.stage, {
      width: () => drawing.brush * PX,
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

  controls() {
    const bar = element('div', 'bar');
    const brush = element('label', 'brush st-key-brush');
    this.size = element('span', 'size');
    this.brushName = element('span');
    this.slider = element('input', '', {type: 'range', min: BRUSH.min, max: BRUSH.max, step: 1});
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
    const {strokes, points} = this.drawing;
    const left = strokes.length < MAX_STROKES ? MAX_POINTS - points : 0;
    this.notice.hidden = left >= 2;
    return left;
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

/** What Streamlit calls, as often as it likes, through the few lines of `pages/shared/canvas.py`. */
export function enter(args, root) {
  easel ??= new Easel();
  easel.enter(args, root);
}
