// Filters the list of measures where it stands; the part of the address after # keeps the choice.
(() => {
  "use strict";
  const form = document.querySelector("form.filters");
  const rows = [...document.querySelectorAll("table.explore tbody tr")];
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const count = document.querySelector(".count");
  const nothing = document.querySelector(".nothing");
  const cells = rows.map((row) => [...row.cells].map((cell) => [...cell.childNodes]));
  const names = [...form.elements].map((field) => field.name).filter(Boolean);
  const chosen = () => Object.fromEntries(names.map((name) => [name, form.elements[name].value.trim()]));

  const line = (kind, text) => {
    const span = document.createElement("span");
    span.className = kind;
    span.textContent = text;
    return span;
  };

  const apply = () => {
    const want = chosen();
    const place = want.unit ? `u:${want.unit}` : want.area ? `a:${want.area}` : "";
    const words = (want.q || "").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, index) => {
      const own = place ? (figures[row.dataset.id] || {})[place] : null;
      const [signal, status] = own ? [own[3], own[5]] : [row.dataset.signal, row.dataset.status];
      const fits = (!place || own)
        && words.every((word) => row.dataset.words.includes(word))
        && (!want.outcome || row.dataset.outcome === want.outcome)
        && (!want.signal || signal === want.signal)
        && (!want.status || status === want.status)
        && (!want.grade || row.dataset.grade === want.grade);
      row.hidden = !fits;
      shown += fits ? 1 : 0;
      [1, 2, 3, 4].forEach((column) => row.cells[column].replaceChildren(...cells[index][column]));
      if (own && fits) {
        row.cells[1].replaceChildren(); // the small chart is the whole council's
        row.cells[2].replaceChildren(line("value", own[0]), line("line", own[1]));
        row.cells[3].replaceChildren(line(`signal ${{ worse: "special_cause_concern", better: "special_cause_improvement", neutral: "special_cause_neutral_high" }[own[3]] || ""}`, own[2]));
        row.cells[4].replaceChildren(line("status", own[4]));
      }
    });
    count.textContent = shown === rows.length ? `${rows.length} measures` : `${shown} of ${rows.length} measures`;
    nothing.hidden = shown > 0;
    const kept = new URLSearchParams(Object.entries(want).filter(([, value]) => value));
    history.replaceState(null, "", `#${kept}`);
  };

  const restore = () => {
    const kept = new URLSearchParams(location.hash.slice(1));
    names.forEach((name) => { form.elements[name].value = kept.get(name) || ""; });
    apply();
  };

  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    // A figure is of a unit or of an area, not of both.
    if (event.target.name === "unit" && event.target.value && form.elements.area) form.elements.area.value = "";
    if (event.target.name === "area" && event.target.value && form.elements.unit) form.elements.unit.value = "";
    apply();
  });
  form.addEventListener("reset", () => setTimeout(apply));
  window.addEventListener("hashchange", restore);
  restore();
})();
