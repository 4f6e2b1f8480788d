// Where the page cannot connect to its server, ask it why and show the answer. Streamlit tries again
// for ever without a word.
(() => {
  const PATIENCE_MS = 8000;

  const connected = () => {
    const app = document.querySelector("[data-testid=stApp]");
    return app !== null && app.dataset.testConnectionState === "CONNECTED";
  };

  const show = (words) => {
    const box = document.createElement("div");
    box.id = "netsketch-connection";
    box.setAttribute("role", "alert");
    box.textContent = words;
    box.style.cssText =
      "position:fixed;inset:auto 1rem 1rem 1rem;z-index:1000000;padding:1rem 1.25rem;" +
      "border:1px solid #931037;border-radius:.375rem;background:#fcfbf8;color:#12161f;" +
      "font:16px/1.5 Inter,'PingFang SC','Microsoft YaHei',sans-serif;overflow-wrap:anywhere";
    document.body.append(box);
    const look = setInterval(() => {
      if (connected()) {
        box.remove();
        clearInterval(look);
      }
    }, 1000);
  };

  setTimeout(async () => {
    if (connected()) return;
    try {
      // A browser names the page's origin where it sends something.
      const reply = await fetch("./_netsketch/connection", { method: "POST" });
      const words = await reply.json();
      if (!connected()) show(/^zh/.test(navigator.language) ? words.zh : words.en);
    } catch {
      // The server is not there at all, which Streamlit says itself.
    }
  }, PATIENCE_MS);
})();
