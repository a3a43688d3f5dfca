/* The operators' pages: tabs that are remembered, copy buttons, colour pickers, the preview. Everything works without it. */
(() => {
  "use strict";
  const KEY = "sumeru-tab:";
  const remembered = (group) => {
    try { return localStorage.getItem(KEY + group); } catch { return null; }
  };
  const remember = (group, tab) => {
    try { localStorage.setItem(KEY + group, tab); } catch { /* private mode: only this page then */ }
  };

  // -- tabs: one choice for all groups of a name, on every page
  const groups = [...document.querySelectorAll("[data-tabs]")];
  const show = (root, wanted) => {
    const tabs = [...root.querySelectorAll("[data-tab]")];
    const chosen = tabs.some((tab) => tab.dataset.tab === wanted) ? wanted : tabs[0]?.dataset.tab;
    for (const tab of tabs) {
      const on = tab.dataset.tab === chosen;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
    }
    for (const panel of root.querySelectorAll("[data-panel]")) panel.hidden = panel.dataset.panel !== chosen;
  };
  const choose = (root, tab) => {
    // Other widgets' panels above may change their height: the one that was clicked stays where it is.
    const before = root.getBoundingClientRect().top;
    remember(root.dataset.tabs, tab);
    for (const each of groups) if (each.dataset.tabs === root.dataset.tabs) show(each, tab);
    scrollBy(0, root.getBoundingClientRect().top - before);
  };
  for (const root of groups) {
    const list = root.querySelector("[role=tablist]");
    if (!list) continue;
    list.hidden = false;
    root.classList.add("sumeru-tabbed");
    for (const panel of root.querySelectorAll("[data-panel]")) panel.setAttribute("role", "tabpanel");
    show(root, remembered(root.dataset.tabs));
    list.addEventListener("click", (event) => {
      const tab = event.target.closest("[data-tab]");
      if (tab) choose(root, tab.dataset.tab);
    });
    list.addEventListener("keydown", (event) => {
      const tabs = [...list.querySelectorAll("[data-tab]")];
      const at = tabs.indexOf(document.activeElement);
      const forward = getComputedStyle(list).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
      const backward = forward === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
      const to = { [forward]: at + 1, [backward]: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined || at < 0) return;
      event.preventDefault();
      const next = tabs[(to + tabs.length) % tabs.length];
      choose(root, next.dataset.tab);
      next.focus();
    });
  }

  // -- copy buttons
  const status = document.querySelector("[data-copied]");
  for (const button of document.querySelectorAll("[data-copy]")) {
    const code = button.parentElement.querySelector("code");
    button.hidden = false;
    const label = button.textContent;
    button.addEventListener("click", async () => {
      let words = status?.dataset.words ?? "";
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        getSelection().selectAllChildren(code);
        words = status?.dataset.failed ?? "";
      }
      button.textContent = words;
      if (status) status.textContent = words;
      setTimeout(() => { button.textContent = label; if (status) status.textContent = ""; }, 2500);
    });
  }

  // -- colour pickers write into the text field beside them
  for (const picker of document.querySelectorAll("[data-colour-for]")) {
    const text = document.getElementById(picker.dataset.colourFor);
    if (!text) continue;
    picker.addEventListener("input", () => { text.value = picker.value; });
    text.addEventListener("input", () => {
      if (/^#[0-9a-f]{6}$/i.test(text.value.trim())) picker.value = text.value.trim();
    });
  }

  // -- the look's own frame follows the fields; the page in it is of this very origin
  const tokens = [...document.querySelectorAll("[data-token]")];
  const sample = document.querySelector("[data-look-preview] iframe");
  const wear = () => {
    const hosts = sample?.contentDocument?.querySelectorAll("sumeru-widget") ?? [];
    for (const host of hosts)
      for (const field of tokens) host.style.setProperty(`--sumeru-${field.dataset.token}`, field.value);
  };
  if (sample) {
    sample.addEventListener("load", wear);
    document.addEventListener("input", (event) => { if (event.target.matches("[data-token], [data-colour-for]")) wear(); });
  }

  // -- preview: colours and direction are set on the framed page, which is of this very origin
  const preview = document.querySelector("[data-preview]");
  const frame = preview?.querySelector("iframe");
  const dress = () => {
    const page = frame.contentDocument?.documentElement;
    if (!page) return;
    page.style.colorScheme = preview.dataset.scheme;
    page.style.background = preview.dataset.scheme === "dark" ? "#121212" : "#fff";
    page.style.color = preview.dataset.scheme === "dark" ? "#eee" : "#1a1a1a";
    if (preview.dataset.direction === "rtl") {
      page.dir = "rtl";
      for (const host of page.querySelectorAll("sumeru-widget")) {
        for (const part of host.shadowRoot?.querySelectorAll("[dir=ltr]") ?? []) part.dir = "rtl";
      }
    }
  };
  if (frame) {
    frame.addEventListener("load", dress);
    if (frame.contentDocument?.readyState === "complete") dress();
  }
  document.querySelector("[data-preview-form] [name=widget]")?.addEventListener("change", (event) => {
    // Another widget asks other things: start with an empty form for it.
    location.search = new URLSearchParams({ widget: event.target.value }).toString();
  });
})();
