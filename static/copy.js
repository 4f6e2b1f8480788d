// Copies a configuration's address: a click on a [data-copy] button, which holds its query.
(() => {
  const linkOf = (query) =>
    location.origin + location.pathname + (query ? '?' + query : '');

  // Where a page does not come by https, a browser has no clipboard for scripts: a selected text
  // can still be copied, by the page or, where that is refused too, by its reader.
  const select = (field, link) => {
    field.value = link;
    field.classList.add('share-shown');
    field.focus();
    field.select();
    field.setSelectionRange(0, link.length); // what `select` leaves out on a phone
    return document.execCommand('copy');
  };

  // Said on the button too, which stays as wide as it was: nothing moves under the mouse.
  const flash = (button, word) => {
    const label = button.dataset.label ??= button.textContent;
    button.style.width = `${button.getBoundingClientRect().width}px`;
    button.textContent = word;
    clearTimeout(button.flashes);
    button.flashes = setTimeout(() => (button.textContent = label), 2000);
  };

  document.addEventListener('click', async (event) => {
    const button = event.target.closest?.('button[data-copy]');
    if (!button) return;
    const share = button.closest('.share');
    const field = share.querySelector('.share-link');
    const said = share.querySelector('.share-said');
    const link = linkOf(button.dataset.copy);
    said.textContent = ''; // said again where it is the same
    field.classList.remove('share-shown');
    let done = false;
    try {
      await navigator.clipboard.writeText(link);
      done = true;
    } catch {
      done = select(field, link);
    }
    said.textContent = done ? share.dataset.done : share.dataset.press;
    said.classList.toggle('share-shown', !done);
    if (done) flash(button, share.dataset.done);
  });
})();
