// Where the page cannot connect to its server, ask it why and show the answer: Streamlit tries again
// for ever without a word. Where it has lost its thread, begin it anew.
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

  // Streamlit 1.67 drops the last messages of a run of the script where the next request comes at
  // the same instant. What follows then stands nowhere, and the page is dead for good. All of it lies
  // at the server and in the address, so a page that is loaded again goes on.
  const REST_MS = 10000;
  const beginAnew = (words) => {
    if (!/Bad delta path/.test(words ?? "")) return;
    try {
      const last = Number(sessionStorage.getItem("netsketch-anew") ?? 0);
      if (Date.now() - last < REST_MS) return;
      sessionStorage.setItem("netsketch-anew", String(Date.now()));
    } catch {
      return; // without a memory it might never end
    }
    location.reload();
  };
  addEventListener("error", (event) => beginAnew(event.message));
  addEventListener("unhandledrejection", (event) => beginAnew(event.reason?.message));

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
