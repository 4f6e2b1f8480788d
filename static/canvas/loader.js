/**
 * What Streamlit is given as the component's script: it fetches the canvas, once for the whole visit.
 *
 * The app may lie anywhere under the address at which a proxy serves it; where the page's own script
 * comes from is known.
 */
const root = new URL('../../', document.querySelector('script[src*="static/js/"]').src);

// Each is asked for by its version; a script that fetched another would not know which.
const load = name => import(new URL(`app/static/canvas/${name}.js?VERSION`, root));

export default async args => {
  const [{enter}, strokes] = await Promise.all([load('easel'), load('strokes')]);
  enter(args, root, strokes);
};
