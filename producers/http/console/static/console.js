// Keeps a page up to date that reads well without it: the server makes the page anew, and the parts marked
// data-live are taken from it. <body data-changes> says that it may change, data-events="..." which stream
// of events says when.
"use strict";

(() => {
  const SOONEST = 1500; // between two looks, in ms
  const WITHOUT_EVENTS = 3000; // between two looks where no stream says when, in ms
  const WITH_EVENTS = 20000; // what no event tells, the age of things, say
  const MOST_LINES = 5000; // of a log that goes on

  // A part keeps what its reader has opened, and is left alone while they are in it.
  function replace(part, fresh) {
    if (!fresh || part.innerHTML === fresh.innerHTML || part.contains(document.activeElement)) return;
    const chosen = window.getSelection();
    if (chosen && !chosen.isCollapsed && part.contains(chosen.anchorNode)) return;
    const before = part.querySelectorAll("details");
    const after = fresh.querySelectorAll("details");
    if (before.length === after.length) after.forEach((each, i) => { each.open = before[i].open; });
    part.replaceChildren(...fresh.childNodes);
  }

  async function look() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) replace(part, page.getElementById(part.id));
    document.title = page.title;
    if (!("changes" in page.body.dataset)) stop();
  }

  // One look at a time, and not more than one each SOONEST.
  let due = null;
  let looked = 0;
  function lookSoon() {
    if (due || document.hidden) return;
    due = setTimeout(async () => {
      try { await look(); } catch { /* away for a moment: it is looked again */ }
      looked = Date.now();
      due = null;
    }, Math.max(0, looked + SOONEST - Date.now()));
  }

  let stop = () => {};
  function poll(pause) {
    const timer = setInterval(lookSoon, pause);
    stop = () => clearInterval(timer);
  }

  function keepUpToDate(address) {
    const events = new EventSource(address);
    poll(WITH_EVENTS);
    for (const name of ["message", "status", "job"]) events.addEventListener(name, lookSoon);
    events.addEventListener("end", () => { lookSoon(); events.close(); });
    // Too many streams, say: an EventSource tries again by itself unless it was refused.
    events.onerror = () => {
      if (events.readyState !== EventSource.CLOSED) return;
      stop();
      poll(WITHOUT_EVENTS);
    };
    window.addEventListener("pagehide", () => events.close());
  }

  function follow(log) {
    const events = new EventSource(log.dataset.follow);
    const state = document.getElementById("log-state");
    let begun = false;
    events.onopen = () => { state.textContent = "Live"; };
    events.onerror = () => { state.textContent = ""; };
    events.onmessage = event => {
      const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 20;
      // The first piece begins where the page's own began.
      if (!begun) log.textContent = "";
      begun = true;
      delete log.dataset.live;
      log.append(event.data + "\n");
      const lines = log.textContent.split("\n");
      if (lines.length > MOST_LINES) log.textContent = lines.slice(-MOST_LINES).join("\n");
      if (atEnd) log.scrollTop = log.scrollHeight;
    };
    events.addEventListener("end", () => { state.textContent = ""; events.close(); });
    window.addEventListener("pagehide", () => events.close());
  }

  const log = document.getElementById("log");
  if (log) log.scrollTop = log.scrollHeight;
  if (log && log.dataset.follow) follow(log);
  const { events, changes } = document.body.dataset;
  if (events) keepUpToDate(events);
  else if (changes !== undefined) poll(WITHOUT_EVENTS);
  document.addEventListener("visibilitychange", () => { if (changes !== undefined) lookSoon(); });
})();
