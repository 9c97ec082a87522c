// The status page works without this file. With it, links of KFP's clients lead to our pages, and a part that
// changes is read anew. Nothing else.
"use strict";

(() => {
  const places = [
    [/^#\/runs\/details\/([\w-]+)/, (id) => `/runs/${id}`],
    [/^#\/runs\b/, () => "/runs"],
    [/^#\/experiments\/details\/([\w-]+)/, (id) => `/runs?experiment=${id}`],
    [/^#\/pipelines\/details\/([\w-]+)\/version\/([\w-]+)/, (id, version) => `/pipelines/${id}/versions/${version}`],
    [/^#\/pipelines\/details\/([\w-]+)/, (id) => `/pipelines/${id}`],
    [/^#\/pipelines\b/, () => "/pipelines"],
    [/^#\/recurringruns?\b/, () => "/schedules"],
  ];

  const follow = () => {
    for (const [pattern, place] of places) {
      const found = location.hash.match(pattern);
      if (found) {
        location.replace(place(...found.slice(1)));
        return;
      }
    }
  };

  // What tells a focused element again after its part was replaced.
  const keyOf = (element) =>
    ["id", "href", "action", "aria-label"].map((name) => element.getAttribute(name) || "").join(" ");

  const replace = (part, fresh) => {
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const key = focused && focused.tagName + keyOf(focused);
    const opened = [...part.querySelectorAll("details")].map((each) => each.open);
    const scrolled = [...part.querySelectorAll(".scroll, pre")].map((each) => [each.scrollLeft, each.scrollTop]);
    part.replaceWith(fresh);
    [...fresh.querySelectorAll("details")].forEach((each, place) => {
      each.open = opened[place] ?? each.open;
    });
    [...fresh.querySelectorAll(".scroll, pre")].forEach((each, place) => {
      [each.scrollLeft, each.scrollTop] = scrolled[place] ?? [0, 0];
    });
    if (key) {
      const again = [...fresh.querySelectorAll("a, button, summary, [tabindex]")];
      again.find((each) => each.tagName + keyOf(each) === key)?.focus({ preventScroll: true });
    }
  };

  const refresh = async () => {
    const part = document.getElementById("live");
    const pause = Number(part?.dataset.refresh);
    if (!pause) return;
    await new Promise((done) => setTimeout(done, pause));
    // Neither for a page that nobody sees, nor under a selection that somebody makes.
    if (!document.hidden && getSelection().isCollapsed) {
      try {
        const answer = await fetch(location.href);
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
        const now = document.getElementById("live");
        if (answer.ok && fresh && fresh.innerHTML !== now.innerHTML) replace(now, document.adoptNode(fresh));
        else if (answer.ok && fresh && !fresh.dataset.refresh) delete now.dataset.refresh;
      } catch {
        // The cluster is down for a moment, or for good: what is shown stays, and its time says of when it is.
      }
    }
    refresh();
  };

  // On a narrow screen the graph begins where something happens, and a log at its end.
  const reveal = () => {
    for (const box of document.querySelectorAll(".graph")) {
      const step = box.querySelector("a.bad, a.busy") ?? box.querySelector(".step");
      if (!step) continue;
      const [inner, outer] = [step.getBoundingClientRect(), box.getBoundingClientRect()];
      box.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
    }
    for (const log of document.querySelectorAll("pre.log")) log.scrollTop = log.scrollHeight;
  };

  addEventListener("hashchange", follow);
  follow();
  reveal();
  refresh();
})();
