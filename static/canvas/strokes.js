/**
 * The strokes of a drawing: how they are kept, how a hand makes them, and how they are shown.
 *
 * Coordinates are whole units, UNITS of them along a side. A stroke is [width, x, y, x, y, ...]; what
 * is recorded is what is shown and what is sent, point by point.
 */

// As in core/drawing/strokes.py.
const UNITS = 3400;
const PX = 10;
const MAX_STROKES = 500;
const MAX_POINTS = 12_000;
// Points nearer to each other than this many units, less than half a pixel, draw the same line. After
// every so many points of one drawing the step doubles, so that a hand cannot fill it by scribbling.
const STEP = 4;
const POINTS_A_STEP = 2_000;

// In pixels of a canvas of 340.
export const BRUSH = {min: 6, max: 40, start: 20};
const STORED = 'netsketch-drawing';
// Backing pixels of a side: sharp on most screens, little to paint.
const PIXELS = 680;

/** Strokes, what Undo and Clear took of them, the brush; all survive a reload. */
export class Drawing {
  constructor() {
    this.strokes = [];
    // What each Undo or Clear took, for Redo.
    this.taken = [];
    this.seq = 0;
    this.brush = BRUSH.start;
    this.restore();
  }

  /** How many points one more stroke may have. */
  get room() {
    const points = this.strokes.reduce((sum, stroke) => sum + (stroke.length - 1) / 2, 0);
    return this.strokes.length < MAX_STROKES ? MAX_POINTS - points : 0;
  }

  /** How wide a stroke of the present brush is, in units. */
  get width() {
    return this.brush * PX;
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
export class Surface {
  constructor(stage) {
    const made = (name, rest) => Object.assign(document.createElement(name), rest);
    this.host = made('div', {className: 'surface'});
    this.host.append(made('div', {className: 'canvas-root'}));
    this.layer = made('canvas', {className: 'ink', width: PIXELS, height: PIXELS});
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
export class Pen {
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
