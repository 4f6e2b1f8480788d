/**
 * What Streamlit is given as the component's script: it fetches the canvas, once for the whole visit.
 *
 * The app may lie anywhere under the address at which a proxy serves it; where the page's own script
 * comes from is known.
 */
const root = new URL('../../', document.querySelector('script[src*="static/js/"]').src);

export default async args => {
  const {enter} = await import(new URL('app/static/canvas/easel.js?VERSION', root));
  enter(args, root);
};
